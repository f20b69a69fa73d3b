#include "bind/snapshots.hpp"

#include <array>

#include "bind/metainfo_handle.hpp"
#include "engine/listener.hpp"

namespace jst::bind {
namespace {

using engine::Event;
using engine::EventKind;

constexpr std::array event_classes = {
    "StateChanged",  "MetadataReceived", "PeerConnected", "PeerDisconnected", "BlockReceived",     "PieceCompleted",
    "PieceFailed",   "FileCompleted",    "FilesMoved",    "PeersDiscovered",  "AnnounceCompleted", "AnnounceFailed",
    "TorrentFailed", "TorrentRemoved",   "PeerBanned",    "AcceptFailed",     "RecordRejected",    "EventsDropped"};
static_assert(event_classes.size() == static_cast<std::size_t>(EventKind::record_rejected) + 2);

constexpr std::array piece_words = {"missing", "incomplete", "verifying", "complete"};
constexpr std::array peer_words = {"connecting", "handshake", "connected"};

const char* direction(bool incoming) noexcept { return incoming ? "in" : "out"; }

py::tuple counters(const engine::Counters& c) {
    return py::make_tuple(c.payload_received, c.payload_verified, c.payload_failed, c.payload_redundant,
                          c.payload_discarded, c.payload_partial, c.payload_sent, c.wire_received, c.wire_sent,
                          c.pieces_failed);
}

py::object key_or_none(TorrentKey key) {
    if (!key) return py::none();
    return py::int_(key.packed());
}

py::tuple peer_arguments(const Event& e) {
    if (e.kind == EventKind::peer_connected) return py::make_tuple(to_tuple(e.address), direction(e.incoming), e.text);
    return py::make_tuple(to_tuple(e.address), word(e.reason));
}

py::tuple piece_arguments(const Event& e) {
    const auto piece = e.block.piece.value;
    if (e.kind == EventKind::piece_completed) return py::make_tuple(piece);
    if (e.kind == EventKind::piece_failed) return py::make_tuple(piece, py::tuple(to_tuples(e.addresses)));
    return py::make_tuple(piece, e.block.begin, e.block.length, to_tuple(e.address));
}

std::optional<double> seconds_of(const std::optional<Duration>& span) {
    return span ? std::optional(span->seconds()) : std::nullopt;
}

py::tuple arguments(const StreamItem& item) {
    const Event& e = item.event;
    switch (e.kind) {
        case EventKind::state_changed:
            return py::make_tuple(word(e.old_state), word(e.new_state));
        case EventKind::metadata_received:
            return py::make_tuple(MetainfoHandle{item.metainfo});
        case EventKind::peer_connected:
        case EventKind::peer_disconnected:
            return peer_arguments(e);
        case EventKind::block_received:
        case EventKind::piece_completed:
        case EventKind::piece_failed:
            return piece_arguments(e);
        case EventKind::file_completed:
            return py::make_tuple(e.number, e.text);
        case EventKind::files_moved:
            return py::make_tuple(e.text);
        case EventKind::peers_discovered:
            return py::make_tuple(e.text, e.number);
        case EventKind::announce_completed:
            return py::make_tuple(e.text, e.counts.seeds, e.counts.leechers, seconds_of(e.wait));
        case EventKind::announce_failed:
            return py::make_tuple(e.text, e.message, seconds_of(e.wait));
        case EventKind::torrent_failed:
            return py::make_tuple(make_exception(e.error, e.text));
        case EventKind::torrent_removed:
            return py::make_tuple();
        case EventKind::peer_banned:
            return py::make_tuple(e.address.host.to_string(), e.text);
        case EventKind::accept_failed:
            return py::make_tuple(to_tuple(e.address), e.text, engine::accept_pause.seconds());
        case EventKind::record_rejected:
            return py::make_tuple(e.text, make_exception(e.error, e.text));
    }
    return py::make_tuple();
}

template <class Words>
py::tuple words(const Words& list) {
    py::list out;
    for (const auto& item : list) out.append(item);
    return py::tuple(out);
}

// Of an enum that begins at 0: up to and with `last`.
template <class Enum>
py::tuple words_to(Enum last) {
    py::list out;
    for (int i = 0; i <= static_cast<int>(last); ++i) out.append(word(static_cast<Enum>(i)));
    return py::tuple(out);
}

}  // namespace

py::tuple to_tuple(const Endpoint& endpoint) { return py::make_tuple(endpoint.host.to_string(), endpoint.port); }

py::tuple to_tuple(const engine::TorrentStatus& s) {
    py::object error = py::none();
    if (s.error) error = make_exception(*s.error, s.error_where);
    return py::make_tuple(s.time.seconds(), word(s.state), error, s.progress, s.wanted, s.wanted_verified, s.total_size,
                          s.num_pieces, s.pieces_complete, s.active_pieces, s.in_endgame, s.download_rate,
                          s.upload_rate, s.eta, s.ratio, s.num_peers, s.num_seeds, s.num_known, s.queue_position,
                          s.save_path, s.added_at, s.completed_at, s.active_time, s.seeding_time, word(s.limited_by),
                          counters(s.counters), s.complete, s.sequential, s.error_message, s.metadata_progress);
}

py::tuple to_tuple(const engine::SessionStatus& s) {
    return py::make_tuple(s.time.seconds(), s.download_rate, s.upload_rate, s.num_torrents, s.num_peers,
                          s.num_half_open, s.num_pending_incoming, s.sockets, s.memory, s.memory_peak, s.send_buffered,
                          s.disk_operations, s.hash_jobs, s.timers, s.max_expiries, s.draining, s.dht_nodes,
                          s.bytes_copied, counters(s.counters), counters(s.totals));
}

py::tuple to_tuple(const engine::PieceStatus& s) {
    return py::make_tuple(s.index, s.size, piece_words[static_cast<std::size_t>(s.state)], s.blocks_total,
                          s.blocks_received, s.pending_requests, py::tuple(to_tuples(s.requested_from)));
}

py::tuple to_tuple(const engine::FileStatus& s) {
    return py::make_tuple(s.index, s.path, s.size, s.priority, s.verified, s.progress);
}

py::tuple to_tuple(const engine::PeerStatus& s) {
    py::object peer_id = py::none();
    if (s.peer_id) peer_id = to_python(s.peer_id->view());
    return py::make_tuple(to_tuple(s.address), peer_id, s.client, s.source, direction(s.incoming), s.progress,
                          s.download_rate, s.upload_rate, s.unchoked_rate, s.am_choking, s.am_interested,
                          s.peer_choking, s.peer_interested, s.outstanding, s.upload_queued, s.send_buffered, s.snubbed,
                          s.on_parole, s.hash_failures, peer_words[static_cast<std::size_t>(s.state)], s.connected_at,
                          counters(s.counters));
}

py::tuple to_tuple(const engine::TrackerStatus& s) {
    return py::make_tuple(s.url, s.tier, s.state, s.message, s.failures, s.next_announce, s.seeds, s.leechers,
                          s.external_ip ? std::optional(s.external_ip->to_string()) : std::nullopt);
}

py::tuple to_tuple(const engine::BanStatus& s) {
    return py::make_tuple(s.host.to_string(), s.reason, s.since_at, s.until_at);
}

py::tuple to_tuple(const StreamItem& item) {
    const double time = item.event.time.seconds();
    if (item.dropped != 0)
        return py::make_tuple(event_classes.size() - 1, time, py::none(), py::make_tuple(item.dropped));
    return py::make_tuple(static_cast<unsigned>(item.event.kind), time, key_or_none(item.event.torrent),
                          arguments(item));
}

void bind_words(py::module_& module) {
    module.attr("event_classes") = words(event_classes);
    module.attr("states") = words_to(engine::State::removed);
    module.attr("close_reasons") = words_to(engine::CloseReason::shutdown);
    module.attr("limits") = words_to(engine::LimitedBy::peers);
    module.attr("piece_states") = words(piece_words);
    module.attr("peer_states") = words(peer_words);
}

}  // namespace jst::bind
