// Session's commands and queries about single torrents: find it, ask it.
#include <algorithm>

#include "base/planted.hpp"
#include "engine/session_parts.hpp"
#include "engine/shedding.hpp"

namespace jst::engine {
namespace {

std::vector<std::uint8_t> priorities_of(const AddRequest& request, std::uint32_t files) {
    std::vector<std::uint8_t> out(files, storage::default_priority);
    for (const auto& [file, priority] : request.file_priorities)
        if (file.value < files) out[file.value] = std::min<std::uint8_t>(priority, storage::max_priority);
    return out;
}

void merge_tiers(std::vector<std::vector<std::string>>& tiers, const std::vector<std::vector<std::string>>& more) {
    for (const auto& tier : more) {
        std::vector<std::string> fresh;
        for (const auto& url : tier) {
            const bool known = std::any_of(tiers.begin(), tiers.end(), [&](const auto& t) {
                return std::find(t.begin(), t.end(), url) != t.end();
            });
            if (!known) fresh.push_back(url);
        }
        if (!fresh.empty()) tiers.push_back(std::move(fresh));
    }
}

// Each tracker of a link is a tier of its own (BEP 12 knows no tiers in links).
std::vector<std::vector<std::string>> tiers_of(const codec::Magnet& magnet) {
    std::vector<std::vector<std::string>> tiers;
    for (const auto& url : magnet.trackers) tiers.push_back({url});
    return tiers;
}

Result<TorrentSetup> setup_of(AddRequest& request) {
    TorrentSetup setup;
    if (request.metainfo) {
        JST_TRY(layout, storage::make_layout(*request.metainfo));
        setup.file_priorities = priorities_of(request, layout.map.num_files());
        setup.layout = std::make_shared<const storage::Layout>(std::move(layout));
        setup.metainfo = request.metainfo;
        setup.trackers = request.metainfo->trackers();
        setup.web_seeds = request.metainfo->web_seeds();
    } else {
        setup.magnet = *request.magnet;
        setup.trackers = tiers_of(setup.magnet);
        setup.web_seeds = setup.magnet.web_seeds;
        setup.wishes = std::move(request.wishes);
    }
    setup.save_path = std::move(request.save_path);
    setup.wanted = request.stopped  ? storage::WantedState::stopped
                   : request.paused ? storage::WantedState::paused
                                    : storage::WantedState::running;
    if (request.trusted) setup.trusted = Bitfield(request.metainfo ? request.metainfo->num_pieces() : 0, true);
    if (request.trusted_pieces) setup.trusted = std::move(request.trusted_pieces);
    setup.sequential = request.sequential;
    return setup;
}

}  // namespace

Result<std::pair<TorrentKey, bool>> Session::add(AddRequest request) {
    const Time now = parts_->core.now();
    if (parts_->core.closing) return fail(Errc::closed);
    if (!request.metainfo && !request.magnet) return fail(Errc::invalid_argument);
    const auto hashes = request.metainfo ? request.metainfo->hashes() : request.magnet->hashes;
    if (request.trusted_pieces && request.metainfo && request.trusted_pieces->size() != request.metainfo->num_pieces())
        return fail(Errc::invalid_argument);
    if (!hashes.v1) return fail(Errc::not_supported);
    const auto known = parts_->by_wire_id.find(hashes.wire_id());
    const bool fresh = known == parts_->by_wire_id.end();
    TorrentKey key;
    if (fresh) {
        JST_TRY(setup, setup_of(request));
        JST_TRY(made, parts_->insert(std::move(setup), now));
        key = made;
    } else {
        key = known->second;
    }
    Torrent& torrent = *parts_->core.torrent(key);
    auto tiers = torrent.announcer().tiers();
    if (!fresh && request.magnet) merge_tiers(tiers, tiers_of(*request.magnet));
    if (!fresh && request.metainfo) merge_tiers(tiers, request.metainfo->trackers());
    merge_tiers(tiers, request.trackers);
    if (tiers != torrent.announcer().tiers()) torrent.set_trackers(std::move(tiers), now);
    if (request.metainfo && !torrent.has_metadata()) torrent.take_metadata(request.metainfo, now);
    if (request.magnet)
        for (const auto& peer : request.magnet->peers)
            if (const auto host = IpAddress::parse(peer.host)) torrent.connect({*host, peer.port}, now);
    for (const Endpoint& peer : request.peers) torrent.connect(peer, now);
    return std::pair(key, fresh);
}

Result<void> Session::remove(TorrentKey key, bool delete_files) {
    JST_TRY(torrent, parts_->find(key));
    parts_->begin_removal(*torrent, delete_files || planted<Plant::removal_takes_files>(), parts_->core.now());
    return {};
}

Result<void> Session::pause(TorrentKey key) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_wanted(storage::WantedState::paused, parts_->core.now());
    return {};
}

Result<void> Session::resume(TorrentKey key) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_wanted(storage::WantedState::running, parts_->core.now());
    return {};
}

Result<void> Session::stop(TorrentKey key) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_wanted(storage::WantedState::stopped, parts_->core.now());
    return {};
}

Result<void> Session::start(TorrentKey key) { return resume(key); }

Result<void> Session::recheck(TorrentKey key) {
    JST_TRY(torrent, parts_->find(key));
    torrent->recheck(parts_->core.now());
    return {};
}

Result<void> Session::announce(TorrentKey key) {
    JST_TRY(torrent, parts_->find(key));
    torrent->announcer().request(parts_->core.now());
    return {};
}

Result<void> Session::connect(TorrentKey key, const Endpoint& address) {
    JST_TRY(torrent, parts_->find(key));
    torrent->connect(address, parts_->core.now());
    return {};
}

Result<void> Session::set_file_priorities(TorrentKey key, std::span<const storage::FilePriority> priorities) {
    JST_TRY(torrent, parts_->find(key));
    if (!torrent->has_metadata()) return fail(Errc::no_metadata);
    for (const auto& [file, priority] : priorities)
        if (file.value >= torrent->metainfo().files().size() || priority > storage::max_priority)
            return fail(Errc::invalid_argument);
    torrent->set_file_priorities(priorities, parts_->core.now());
    return {};
}

Result<void> Session::set_piece_priority(TorrentKey key, PieceIndex piece, std::uint8_t priority) {
    JST_TRY(torrent, parts_->find(key));
    if (!torrent->has_metadata()) return fail(Errc::no_metadata);
    if (piece.value >= torrent->metainfo().num_pieces() || priority > storage::max_priority)
        return fail(Errc::invalid_argument);
    torrent->set_piece_priority(piece, priority, parts_->core.now());
    return {};
}

Result<void> Session::set_sequential(TorrentKey key, bool on) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_sequential(on);
    return {};
}

Result<void> Session::set_trackers(TorrentKey key, std::vector<std::vector<std::string>> tiers) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_trackers(std::move(tiers), parts_->core.now());
    return {};
}

Result<void> Session::set_web_seeds(TorrentKey key, std::vector<std::string> urls) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_web_seeds(std::move(urls));
    return {};
}

Result<void> Session::set_queue_position(TorrentKey key, std::uint32_t position) {
    JST_TRY(torrent, parts_->find(key));
    parts_->queue.move_to(torrent->key(), position);
    parts_->on_order_changed();
    return {};
}

Result<void> Session::step_in_queue(TorrentKey key, bool up) {
    JST_TRY(torrent, parts_->find(key));
    if (up)
        parts_->queue.up(torrent->key());
    else
        parts_->queue.down(torrent->key());
    parts_->on_order_changed();
    return {};
}

Result<void> Session::move(TorrentKey key, std::string save_path) {
    JST_TRY(torrent, parts_->find(key));
    if (parts_->store && reserved_file(*torrent, save_path, parts_->store->dir())) return fail(Errc::bad_path);
    torrent->move(std::move(save_path), parts_->core.now());
    return {};
}

Result<void> Session::rename_file(TorrentKey key, FileIndex file, std::string path) {
    JST_TRY(torrent, parts_->find(key));
    if (!torrent->has_metadata()) return fail(Errc::no_metadata);
    if (file.value >= torrent->metainfo().files().size()) return fail(Errc::invalid_argument);
    if (parts_->store && is_reserved(torrent->save_path(), path, parts_->store->dir())) return fail(Errc::bad_path);
    return torrent->rename_file(file, path, parts_->core.now());
}

Result<void> Session::configure(TorrentKey key, const TorrentLimits& limits) {
    JST_TRY(torrent, parts_->find(key));
    torrent->set_limits(limits, parts_->core.now());
    shed(parts_->core, parts_->core.now());
    return {};
}

Result<void> Session::configure(const Settings& settings, const std::vector<std::string>& named) {
    JST_TRY_VOID(parts_->configure(settings));
    if (!parts_->opened) parts_->spoken_of.insert(named.begin(), named.end());
    return {};
}

// -- queries ----------------------------------------------------------------------------------------------------------

Result<TorrentStatus> Session::status(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) {
        TorrentStatus out = t->status(parts_->core.now());
        out.queue_position = static_cast<std::uint32_t>(parts_->queue.position(key).value_or(0));
        return out;
    }
    if (const Remembered* r = parts_->recall(key)) return r->status;
    return fail(Errc::removed);
}

Result<State> Session::state(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->state();
    if (const Remembered* r = parts_->recall(key)) return r->status.state;
    return fail(Errc::removed);
}

bool Session::knows(TorrentKey key) const { return parts_->look(key) != nullptr || parts_->recall(key) != nullptr; }

std::shared_ptr<const codec::Metainfo> Session::metainfo(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->shared_metainfo();
    const Remembered* r = parts_->recall(key);
    return r == nullptr ? nullptr : r->metainfo;
}

Result<PieceStatus> Session::piece(TorrentKey key, PieceIndex piece) const {
    const auto m = metainfo(key);
    if (!m) return fail(knows(key) ? Errc::no_metadata : Errc::removed);
    if (piece.value >= m->num_pieces()) return fail(Errc::invalid_argument);
    if (const Torrent* t = parts_->look(key)) return t->download().status(piece);
    PieceStatus out;
    out.index = piece.value;
    out.size = m->piece_size(piece);
    out.blocks_total = (out.size + block_size - 1) / block_size;
    if (parts_->recall(key)->pieces[piece.value] == static_cast<Byte>(PieceState::complete)) {
        out.state = PieceState::complete;
        out.blocks_received = out.blocks_total;
    }
    return out;
}

Result<ByteVector> Session::pieces(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->piece_states();
    if (const Remembered* r = parts_->recall(key)) return r->pieces;
    return fail(Errc::removed);
}

Result<std::vector<std::uint32_t>> Session::availability(TorrentKey key) const {
    if (!knows(key)) return fail(Errc::removed);
    const auto m = metainfo(key);
    std::vector<std::uint32_t> out(m ? m->num_pieces() : 0, 0);
    if (const Torrent* t = parts_->look(key))
        for (std::uint32_t i = 0; i < out.size(); ++i)
            out[i] = t->download().picker().availability().count(PieceIndex{i});
    return out;
}

Result<std::vector<FileStatus>> Session::files(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->file_status();
    if (const Remembered* r = parts_->recall(key)) return r->files;
    return fail(Errc::removed);
}

Result<std::vector<PeerStatus>> Session::peers(TorrentKey key, bool all) const {
    if (const Torrent* t = parts_->look(key)) return t->peer_status(all, parts_->core.now());
    if (parts_->recall(key) != nullptr) return std::vector<PeerStatus>{};
    return fail(Errc::removed);
}

Result<std::vector<TrackerStatus>> Session::trackers(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->announcer().status(parts_->core.now());
    if (const Remembered* r = parts_->recall(key)) return r->trackers;
    return fail(Errc::removed);
}

Result<TorrentLimits> Session::limits(TorrentKey key) const {
    if (const Torrent* t = parts_->look(key)) return t->limits();
    if (const Remembered* r = parts_->recall(key)) return r->limits;
    return fail(Errc::removed);
}

}  // namespace jst::engine
