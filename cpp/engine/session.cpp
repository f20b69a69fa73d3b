#include "engine/session.hpp"

#include <algorithm>

#include "engine/inquiries.hpp"
#include "engine/session_parts.hpp"

namespace jst::engine {
namespace {

PeerId make_peer_id(runtime::Runtime& runtime) {
    PeerId id;
    constexpr std::string_view prefix = "-JS0010-";  // BEP 20: client and version
    std::copy(prefix.begin(), prefix.end(), id.bytes.begin());
    runtime.entropy.secret(MutableBytes(id.bytes).subspan(prefix.size()));
    return id;
}

}  // namespace

Session::Session(runtime::Runtime& runtime, Settings settings, std::string state_dir, std::optional<PeerId> peer_id)
    : parts_(std::make_unique<SessionParts>(runtime, std::move(settings), state_dir,
                                            peer_id ? *peer_id : make_peer_id(runtime))) {}

Session::~Session() = default;

// -- life -------------------------------------------------------------------------------------------------------------

Result<void> Session::open() {
    auto bound = parts_->listener.listen(parts_->core.settings, parts_->failed_address);
    if (!bound) return bound;
    if (parts_->store) parts_->store->open();
    return {};
}

std::string Session::failed_address() const { return parts_->failed_address; }
std::optional<Result<void>> Session::opened() const { return parts_->opened; }

void Session::begin_close(Duration timeout) {
    auto& core = parts_->core;
    const Time now = core.now();
    if (core.closing) {
        if (timeout.ns <= 0) parts_->closed = true;
        return;
    }
    core.closing = true;
    core.cut = timeout.ns <= 0;
    parts_->listener.close();
    // A goodbye that nobody takes must not cost the close its success.
    core.inquiries->begin_close(timeout / 2, now);
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) { t->shut_down(now); });
    if (core.cut) core.inquiries->abort();
    if (core.cut)
        parts_->closed = true;
    else
        parts_->close_timer.set(now + timeout);
}

bool Session::is_closed() const noexcept { return parts_->closed; }
bool Session::closed_cleanly() const noexcept { return parts_->closed_cleanly; }
bool Session::is_drained() const noexcept {
    return parts_->is_idle() && parts_->core.inquiries->is_idle() && parts_->listener.is_idle();
}
bool Session::is_healthy() const noexcept { return parts_->core.healthy; }

EventLog& Session::events() noexcept { return parts_->core.events; }
void Session::forget(TorrentKey torrent) { parts_->remembered.erase(torrent); }

// -- runtime::Host ----------------------------------------------------------------------------------------------------

void Session::on_wake(Time now) {
    auto& core = parts_->core;
    std::uint64_t fired = 0;
    while (Timer* due = core.timers.take_due(now)) {
        ++fired;
        const runtime::Tag tag = due->tag;
        runtime::run_turn(*this, tag, [&] { TimerQueue::fire(*due, now); });
        if (fired == max_expiries_per_turn) {
            core.wake_soon();
            break;
        }
    }
    core.max_expiries = std::max(core.max_expiries, fired);
}

void Session::on_round_end(Time now) {
    auto& core = parts_->core;
    runtime::run_turn(*this, runtime::Tag{}, [&] { parts_->end_round(now); });
    core.rt.clock.wake_at(core.take_wake_soon() ? now : core.timers.next());
}

void Session::on_broken_rule(const runtime::Tag& tag, const char* what) noexcept {
    auto& core = parts_->core;
    core.healthy = false;
    const Time now = core.now();
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) {
        if (tag.torrent != runtime::no_index && t->number() != tag.torrent) return;
        try {
            t->fail(Errc::internal, what, now);
        } catch (...) {
            // What could not be stopped cleanly stays as it is: is_healthy() says so already.
        }
    });
}

// -- session queries --------------------------------------------------------------------------------------------------

const Settings& Session::settings() const noexcept { return parts_->core.settings; }
std::optional<std::uint16_t> Session::listen_port() const noexcept { return parts_->core.listen_port; }

std::vector<TorrentKey> Session::torrents() const {
    std::vector<TorrentKey> out;
    for (const auto& entry : parts_->queue.order()) out.push_back(entry.torrent);
    return out;
}

std::optional<TorrentKey> Session::find(Bytes info_hash) const {
    const auto found = parts_->by_wire_id.find(Sha1Digest::from(info_hash));
    if (found == parts_->by_wire_id.end()) return std::nullopt;
    const auto& hashes = parts_->look(found->second)->hashes();
    const bool same = info_hash.size() == Sha1Digest::size
                          ? hashes.matches(Sha1Digest::from(info_hash))
                          : hashes.v2 && std::equal(info_hash.begin(), info_hash.end(), hashes.v2->bytes.begin(),
                                                    hashes.v2->bytes.end());
    return same ? std::optional(found->second) : std::nullopt;
}

SessionStatus Session::status() const {
    const auto& core = parts_->core;
    const Time now = core.now();
    SessionStatus out;
    out.time = now;
    out.download_rate = core.down_rate.per_second(now);
    out.upload_rate = core.up_rate.per_second(now);
    out.num_torrents = static_cast<std::uint32_t>(parts_->queue.order().size());
    out.num_peers = core.connected;
    out.num_half_open = core.half_open;
    out.num_pending_incoming = parts_->listener.pending();
    out.sockets = core.rt.net.open_sockets();
    out.memory = core.pool.in_use();
    out.memory_peak = core.pool.peak();
    core.peers.each([&](PeerKey, const std::unique_ptr<Peer>& p) {
        out.send_buffered += p->link->out().pending_bytes();
        out.bytes_copied += p->wire.bytes_copied() + p->traffic.copied;
    });
    out.disk_operations = core.rt.disk.pending();
    out.hash_jobs = core.rt.compute.pending();
    out.timers = core.timers.size();
    out.max_expiries = core.max_expiries;
    out.draining = static_cast<std::uint32_t>(parts_->draining.size());
    out.counters = out.totals = core.counters;
    out.totals += parts_->earlier;
    return out;
}

std::vector<BanStatus> Session::bans() const {
    const auto& core = parts_->core;
    const Time now = core.now();
    const double wall = core.unix_now();
    std::vector<BanStatus> out;
    for (const auto& ban : core.bans.list(now)) {
        BanStatus status{ban.host, std::string(word(ban.reason)), wall + (ban.since - now).seconds(), std::nullopt};
        if (!ban.until.is_never()) status.until_at = wall + (ban.until - now).seconds();
        out.push_back(std::move(status));
    }
    return out;
}

std::vector<StateProblem> Session::problems() const { return parts_->problems; }

Result<void> Session::ban(const IpAddress& host, std::optional<Duration> duration) {
    auto& core = parts_->core;
    const Duration span = duration.value_or(to_duration(core.settings.ban_duration));
    if (!core.ban(host, policy::BanReason::user, span, core.now())) return fail(Errc::too_many_bans);
    return {};
}

void Session::unban(const IpAddress& host) {
    parts_->core.bans.unban(host);
    parts_->core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& t) {
        t->download().forgive(host);
        if (t->takes_peers()) t->swarm().dial_more(parts_->core.now());
    });
    if (parts_->saver) parts_->saver->session_changed();
}

std::uint64_t Session::begin_save() { return parts_->saver ? parts_->saver->request() : 0; }
std::uint64_t Session::saves_done() const noexcept { return parts_->saver ? parts_->saver->done() : 0; }

std::uint64_t Session::save_progress() const noexcept { return parts_->saver ? parts_->saver->progress() : 0; }
std::string Session::state_dir() const { return parts_->store ? parts_->store->dir() : std::string(); }

std::optional<std::pair<Error, std::string>> Session::save_error() const {
    return parts_->store ? parts_->store->save_error() : std::nullopt;
}

}  // namespace jst::engine
