#include "engine/upload_turns.hpp"

#include <algorithm>
#include <vector>

#include "engine/peer.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {

// The timer only makes a round, whose end does the rest.
UploadTurns::UploadTurns(Core& core) : core_(core), timer_(core.timers, [](Timer&, Time) {}, this) {}

std::uint64_t UploadTurns::most() const noexcept {
    return std::max<std::uint64_t>(1, (core_.pool.limit() - core_.download_memory()) / block_size);
}

BlockBuffer UploadTurns::acquire() {
    if (used_ >= most()) return {};
    BlockBuffer buffer = core_.pool.acquire();
    if (buffer) ++used_;
    return buffer;
}

std::uint64_t UploadTurns::held(const Peer& peer) noexcept {
    return peer.link->blocks_held() + peer.uploads.reading.size();
}

void UploadTurns::wait(Peer& peer) {
    short_ = true;
    if (std::exchange(peer.uploads.waits, true)) return;
    waiting_.push_back(peer.key);
}

void UploadTurns::on_round_end(Time now) {
    if (!short_) return;
    if (!waiting_.empty() && now >= next_look_) look(now);
    for (std::size_t n = waiting_.size(); n > 0 && used_ < most(); --n) {
        Peer* const peer = core_.peer(waiting_.front());
        waiting_.pop_front();
        if (peer == nullptr) continue;
        peer->uploads.waits = false;
        if (Torrent* const torrent = core_.torrent(peer->torrent)) torrent->upload().take_turn(*peer);
    }
    if (!waiting_.empty()) return timer_.set_sooner(next_look_);
    timer_.cancel();
    short_ = used_ > most() / 2;
}

void UploadTurns::look(Time now) {
    next_look_ = now + look_interval;
    std::uint64_t users = 0;
    core_.peers.each([&](PeerKey, const auto& p) { users += p->uploads.waits || held(*p) > 0 ? 1 : 0; });
    share_ = std::max<std::uint64_t>(1, most() / std::max<std::uint64_t>(users, 1));
    core_.peers.each([&](PeerKey, const auto& p) {
        if (held(*p) <= share_) return;
        if (Torrent* const torrent = core_.torrent(p->torrent)) torrent->upload().give_back(*p);
    });
    close_deaf(now);
}

// What has begun cannot be given back. Nobody loses its link for that while there is memory for those who take what
// they asked for; when there is none, more of those who take nothing may stand behind the first.
void UploadTurns::close_deaf(Time now) {
    std::vector<PeerKey> deaf;
    std::uint64_t lost = 0;
    core_.peers.each([&](PeerKey key, const auto& p) {
        if (held(*p) == 0 || !p->link->is_writing() || p->traffic.last_taken + deaf_after > now) return;
        deaf.push_back(key);
        lost += held(*p);
    });
    if (lost <= most() * most_lost_quarters / 4) return;
    for (const PeerKey key : deaf) {
        Peer& peer = *core_.peer(key);
        if (Torrent* const torrent = core_.torrent(peer.torrent))
            torrent->swarm().close(peer, CloseReason::inactive, now);
    }
    core_.wake_soon();
}

}  // namespace jst::engine
