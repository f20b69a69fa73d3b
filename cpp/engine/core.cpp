#include "engine/core.hpp"

#include <algorithm>
#include <array>

#include "base/room.hpp"
#include "base/undo.hpp"
#include "engine/inquiries.hpp"
#include "engine/link.hpp"
#include "engine/peer.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

/// Pieces being received may take so many parts of the pool in 8; what is uploaded always finds the rest.
constexpr std::uint64_t download_share = 6;

std::uint64_t places_kept(std::uint64_t max_half_open) noexcept {
    return std::min(max_half_open / 16, most_places_kept);
}

std::uint32_t secret_number(runtime::Entropy& entropy) {
    std::array<Byte, 4> bytes;
    entropy.secret(bytes);
    return load_be<std::uint32_t>(bytes.data());
}

}  // namespace

Core::Core(runtime::Runtime& runtime, Settings initial, const PeerId& id)
    : rt(runtime),
      peer_id(id),
      pool(initial.max_memory),
      upload_turns(*this),
      tracker_key(secret_number(runtime.entropy)),
      upload_secret(secret_number(runtime.entropy)) {
    apply(initial);
    inquiries = std::make_unique<Inquiries>(*this);
}

void Core::apply(const Settings& changed) {
    settings = changed;
    pool.set_limit(settings.max_memory);
    throttle.down.set_rate(settings.download_rate_limit, now());
    throttle.up.set_rate(settings.upload_rate_limit, now());
    filter_.clear();
    for (const auto& text : settings.address_filter)
        if (const auto network = Network::parse(text)) filter_.push_back(*network);
    queue_news.about_order();
}

bool Core::ban(const IpAddress& host, policy::BanReason reason, Duration duration, Time at) {
    const bool was_banned = bans.is_banned(host, at);
    if (!bans.ban(host, reason, at, duration)) return false;
    newly_banned.push_back(host);
    if (was_banned || !bans.is_banned(host, at)) return true;
    Event event;
    event.address.host = host;
    event.text = word(reason);
    emit(EventKind::peer_banned, {}, std::move(event));
    return true;
}

void Core::close_filtered() {
    peers.each([&](PeerKey, const std::unique_ptr<Peer>& p) {
        if (is_filtered(p->address.host)) newly_banned.push_back(p->address.host);
    });
}

bool Core::is_filtered(const IpAddress& host) const noexcept {
    return std::any_of(filter_.begin(), filter_.end(), [&](const Network& n) { return n.contains(host); });
}

IpAddress Core::dial_from(const IpAddress& host) const noexcept {
    for (const auto& own : listen_hosts)
        if (own.is_v4() == host.is_v4() && !own.is_unspecified()) return own;
    return host.is_v4() ? IpAddress::v4(0) : IpAddress{};
}

bool Core::may_dial() const noexcept {
    const Limit most = settings.max_half_open;
    return !most || (half_open < *most && half_open - at_door < *most - places_kept(*most));
}

Limit Core::places_at_door() const noexcept {
    const Limit most = settings.max_half_open;
    if (!most) return settings.max_pending_incoming;
    const std::uint64_t theirs = std::max<std::uint64_t>(half_open - at_door, places_kept(*most));
    const std::uint64_t left = *most - std::min(*most, theirs);
    return std::min(left, settings.max_pending_incoming.value_or(left));
}

Core::~Core() = default;

Torrent* Core::torrent(TorrentKey key) const noexcept {
    const auto* found = torrents.find(key);
    return found == nullptr ? nullptr : found->get();
}

Peer* Core::peer(PeerKey key) const noexcept {
    const auto* found = peers.find(key);
    return found == nullptr ? nullptr : found->get();
}

void Core::touch(Peer& peer) {
    if (peer.touched) return;
    touched_peers.push_back(peer.key);
    peer.touched = true;
}

void Core::touch(Torrent& torrent) {
    if (torrent.touched) return;
    touched_torrents.push_back(torrent.key());
    torrent.touched = true;
}

void Core::emit(EventKind kind, TorrentKey torrent, Event details) {
    if (!events.wants(kind)) return;
    details.kind = kind;
    details.torrent = torrent;
    details.time = now();
    events.add(std::move(details));
}

std::uint64_t Core::download_memory() const noexcept { return pool.limit() / 8 * download_share; }

void Core::unreserve(std::uint64_t bytes) noexcept { reserved_ -= std::min(bytes, reserved_); }

void Core::count_late(std::uint32_t torrent_number, std::uint64_t wire, std::uint64_t payload) noexcept {
    Counters late;
    late.wire_sent = wire;
    late.payload_sent = payload;
    counters += late;
    torrents.each([&](TorrentKey, const auto& t) {
        if (t->number() == torrent_number) t->counters() += late;
    });
}

std::uint32_t Core::links_of(const IpAddress& host) const noexcept {
    const auto found = links_.find(one_host(host));
    return found == links_.end() ? 0 : found->second;
}

Peer& Core::adopt(std::unique_ptr<Peer> peer) {
    Peer& placed = *peer;
    const auto links = links_.try_emplace(one_host(placed.address.host)).first;
    PeerKey key;
    Undo undo([&] { peers.erase(key); });  // who has no link is in no table
    key = peers.emplace(std::move(peer));
    placed.link = std::make_unique<Link>(*this, key);
    undo.keep();
    placed.key = key;
    ++links->second;
    if (rt.probe != nullptr) rt.probe->on_peer(placed.number, placed.address);
    return placed;
}

void Core::retire(Peer& peer, runtime::CloseMode mode) {
    auto* slot = peers.find(peer.key);
    JST_CHECK(slot != nullptr, "a peer is retired once");
    make_room_for_one(graveyard);  // what may throw comes first
    make_room_for_one(dead);
    const auto links = links_.find(one_host(peer.address.host));
    if (--links->second == 0) links_.erase(links);
    peer.link->close(mode);
    graveyard.push_back(std::move(peer.link));
    dead.push_back(std::move(*slot));
    peers.erase(peer.key);
}

void Core::bury_dead() {
    dead.clear();
    std::erase_if(graveyard, [](const auto& link) { return link->is_idle(); });
}

}  // namespace jst::engine
