#include "engine/peer.hpp"

namespace jst::engine {
namespace {

void on_timer(Timer& timer, Time now) {
    auto& peer = timer.owner<Peer>();
    peer.owner->on_peer_timer(peer, now);
}

}  // namespace

Peer::Peer(Core& shared, const Endpoint& where, bool is_incoming, policy::PeerSource from)
    : core(shared),
      number(shared.numbers++),
      address(where),
      incoming(is_incoming),
      source(from),
      began(shared.now()),
      wire(static_cast<std::uint32_t>(shared.settings.max_message_size)),
      pipeline(static_cast<std::uint32_t>(shared.settings.max_requests_per_peer)),
      uploads{policy::UploadQueue(shared.upload_secret), {}},
      timer(shared.timers, on_timer, this) {}

void Peer::send(const wire::Message& message) {
    if (closed || !link) return;
    link->out().push(message);
    core.touch(*this);
}

runtime::Tag Peer::tag() const noexcept {
    runtime::Tag tag;
    tag.torrent = torrent_number;
    tag.peer = number;
    return tag;
}

bool Peer::may_ask() noexcept {
    const auto& out = link->out();
    return out.pending_bytes() - out.pending_payload() <= max_unread || ++traffic.bad_requests <= max_bad_requests;
}

void Peer::count(std::uint64_t Counters::* field, std::uint64_t n) noexcept {
    traffic.counters.*field += n;
    core.counters.*field += n;
    if (torrent_counters != nullptr) torrent_counters->*field += n;
}

Byte* Peer::spare_block() {
    if (!spare) spare = std::make_unique<std::array<Byte, block_size>>();
    return spare->data();
}

Duration Peer::unchoked_for(Time now) const noexcept {
    const Duration spell = choking.peer_choking ? Duration{} : now - choking.unchoked_since;
    return choking.unchoked_total + spell;
}

PeerStatus Peer::status(Time now) const {
    PeerStatus out;
    out.address = address;
    out.peer_id = id;
    if (!extended.client.empty()) out.client = extended.client;
    out.source = word(source);
    out.incoming = incoming;
    if (claims.have.size() > 0) out.progress = static_cast<double>(claims.have.count()) / claims.have.size();
    out.download_rate = traffic.down.per_second(now);
    out.upload_rate = traffic.up.per_second(now);
    const Duration unchoked = unchoked_for(now);
    if (unchoked.ns > 0)
        out.unchoked_rate =
            static_cast<std::uint64_t>(static_cast<double>(traffic.received_unchoked) / unchoked.seconds());
    out.am_choking = choking.am_choking;
    out.am_interested = choking.am_interested;
    out.peer_choking = choking.peer_choking;
    out.peer_interested = choking.peer_interested;
    out.upload_queued = static_cast<std::uint32_t>(uploads.queued.size() + uploads.reading.size());
    if (link) {
        out.upload_queued += static_cast<std::uint32_t>(link->out().pending_blocks());
        out.send_buffered = link->out().pending_bytes();
    }
    out.snubbed = snubbed;
    out.state = state;
    if (state == PeerState::connected) out.connected_at = connected_at;
    out.counters = traffic.counters;
    return out;
}

void retire(Peer& peer, runtime::CloseMode mode) {
    peer.closed = true;
    peer.timer.cancel();
    peer.core.retire(peer, mode);
}

}  // namespace jst::engine
