#include "bind/remains.hpp"

#include <algorithm>

namespace jst::bind {
namespace {

template <class T>
T or_empty(Result<T> result) {
    return result ? std::move(*result) : T{};
}

// Everything that lives only while an engine runs is over.
engine::SessionStatus at_rest(engine::SessionStatus last) {
    engine::SessionStatus rest;
    rest.time = last.time;
    rest.memory = last.memory;
    rest.memory_peak = last.memory_peak;
    rest.counters = last.counters;
    return rest;
}

}  // namespace

Remains::Remains(const engine::Session& session, const std::vector<TorrentKey>& known, bool are_removed)
    : settings_(session.settings()),
      left_(session.status()),
      status_(at_rest(left_)),
      bans_(session.bans()),
      problems_(session.problems()) {
    for (const TorrentKey key : session.torrents()) keep(session, key, !are_removed, are_removed);
    for (const TorrentKey key : known)
        if (torrent(key) == nullptr) keep(session, key, false, are_removed);
}

void Remains::keep(const engine::Session& session, TorrentKey key, bool is_listed, bool is_removed) {
    auto status = session.status(key);
    if (!status) return;
    if (is_removed) status->state = engine::State::removed;
    status->download_rate = status->upload_rate = 0;
    status->num_peers = status->num_seeds = 0;
    status->active_pieces = 0;
    status->in_endgame = false;
    status->eta.reset();
    status->limited_by = engine::LimitedBy::nothing;
    torrents_.push_back({key, is_listed, std::move(*status), session.metainfo(key), or_empty(session.pieces(key)),
                         or_empty(session.files(key)), or_empty(session.trackers(key)), or_empty(session.limits(key))});
}

const Remains::Torrent* Remains::torrent(TorrentKey key) const noexcept {
    const auto it = std::find_if(torrents_.begin(), torrents_.end(), [&](const Torrent& t) { return t.key == key; });
    return it == torrents_.end() ? nullptr : &*it;
}

std::vector<TorrentKey> Remains::torrents() const {
    std::vector<TorrentKey> keys;
    for (const auto& t : torrents_)
        if (t.is_listed) keys.push_back(t.key);
    return keys;
}

std::optional<TorrentKey> Remains::find(Bytes info_hash) const {
    const auto same = [&](const auto& hash) { return hash && std::ranges::equal(hash->view(), info_hash); };
    for (const auto& t : torrents_)
        if (t.is_listed && (same(t.status.hashes.v1) || same(t.status.hashes.v2))) return t.key;
    return std::nullopt;
}

Result<engine::TorrentStatus> Remains::status(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<engine::TorrentStatus>(t->status) : fail(Errc::removed);
}

Result<engine::State> Remains::state(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<engine::State>(t->status.state) : fail(Errc::removed);
}

std::shared_ptr<const codec::Metainfo> Remains::metainfo(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? t->metainfo : nullptr;
}

Result<engine::PieceStatus> Remains::piece(TorrentKey key, PieceIndex piece) const {
    const auto* t = torrent(key);
    if (!t) return fail(Errc::removed);
    if (!t->metainfo) return fail(Errc::no_metadata);
    if (piece.value >= t->pieces.size()) return fail(Errc::invalid_argument);
    engine::PieceStatus status;
    status.index = piece.value;
    status.size = t->metainfo->piece_size(piece);
    status.blocks_total = (status.size + block_size - 1) / block_size;
    status.state = static_cast<engine::PieceState>(t->pieces[piece.value]);
    if (status.state == engine::PieceState::complete) status.blocks_received = status.blocks_total;
    return status;
}

Result<ByteVector> Remains::pieces(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<ByteVector>(t->pieces) : fail(Errc::removed);
}

Result<std::vector<std::uint32_t>> Remains::availability(TorrentKey key) const {
    const auto* t = torrent(key);
    if (!t) return fail(Errc::removed);
    return std::vector<std::uint32_t>(t->pieces.size(), 0);
}

Result<std::vector<engine::FileStatus>> Remains::files(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<std::vector<engine::FileStatus>>(t->files) : fail(Errc::removed);
}

Result<std::vector<engine::PeerStatus>> Remains::peers(TorrentKey key, bool) const {
    if (!torrent(key)) return fail(Errc::removed);
    return std::vector<engine::PeerStatus>{};
}

Result<std::vector<engine::TrackerStatus>> Remains::trackers(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<std::vector<engine::TrackerStatus>>(t->trackers) : fail(Errc::removed);
}

Result<engine::TorrentLimits> Remains::limits(TorrentKey key) const {
    const auto* t = torrent(key);
    return t ? Result<engine::TorrentLimits>(t->limits) : fail(Errc::removed);
}

}  // namespace jst::bind
