// Torrent's snapshots, and the record that is saved of it.
#include <algorithm>
#include <cmath>

#include "codec/metainfo_writer.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {
namespace {

std::string sentence(const Error& error, const std::string& where) {
    std::string text(describe(error.code));
    if (kind_of(error.code) == ErrorKind::disk && text.find("disk") == std::string::npos) text = "disk: " + text;
    return where.empty() ? text : text + ": " + where;
}

}  // namespace

LimitedBy Torrent::limited_by(Time now) const {
    if (!downloads_allowed()) return LimitedBy::nothing;
    if (swarm_.connected() == 0) return LimitedBy::no_peers;
    if (is_download_barred()) return LimitedBy::rate_limit;
    bool unchoked = false;
    bool wanted = false;
    bool held_back = const_cast<Torrent*>(this)->is_throttled(now);
    for (const PeerKey key : download_.peers) {
        const Peer* const p = core_.peer(key);
        if (p == nullptr) continue;
        wanted = wanted || p->choking.am_interested;
        unchoked = unchoked || (p->choking.am_interested && !p->choking.peer_choking);
        held_back = held_back || p->waits_for_rate;  // between two gulps there is always a little to take
    }
    if (!wanted) return LimitedBy::no_peers;
    if (!unchoked) return LimitedBy::choked;
    if (held_back) return LimitedBy::rate_limit;
    if (download_.limited_by_memory() && download_.is_writing()) return LimitedBy::disk;
    if (download_.limited_by_memory() && download_.is_hashing()) return LimitedBy::hashing;
    return LimitedBy::peers;
}

TorrentStatus Torrent::status(Time now) const {
    const auto& picker = download_.picker();
    TorrentStatus out;
    out.time = now;
    out.state = state_;
    out.error = error_;
    if (trouble_) out.error_where = trouble_->where;
    if (error_) out.error_message = sentence(*error_, out.error_where);
    out.wanted = picker.wanted_bytes();
    out.wanted_verified = out.wanted - picker.wanted_left();
    out.progress = out.wanted == 0 ? 1.0 : static_cast<double>(out.wanted_verified) / static_cast<double>(out.wanted);
    if (phase_ != Phase::ready && out.wanted == 0) out.progress = 0;
    out.hashes = hashes();
    out.name = name();
    out.magnet = magnet();
    if (metainfo_) {
        out.total_size = metainfo_->total_size();
        out.num_pieces = metainfo_->num_pieces();
    }
    out.metadata_progress = metainfo_ ? 1.0 : origin_->progress();
    out.pieces_complete = have().count();
    out.active_pieces = download_.ledger().active_count();
    out.in_endgame = download_.in_endgame();
    out.download_rate = rates_->down.per_second(now);
    out.upload_rate = rates_->up.per_second(now);
    if (out.download_rate > 0 && downloads_allowed())
        out.eta = static_cast<double>(picker.wanted_left()) / static_cast<double>(out.download_rate);
    if (counters_.payload_verified > 0)
        out.ratio = static_cast<double>(counters_.payload_sent) / static_cast<double>(counters_.payload_verified);
    out.num_peers = swarm_.connected();
    for (const PeerKey key : download_.peers) {
        const Peer* const p = core_.peer(key);
        out.num_seeds += p != nullptr && p->is_seed() ? 1 : 0;
        out.num_unchoked += p != nullptr && !p->choking.am_choking ? 1 : 0;
    }
    out.num_known = static_cast<std::uint32_t>(swarm_.list().size());
    out.save_path = files_.save_path();
    out.added_at = added_at_;
    out.completed_at = completed_at_;
    out.active_time = times(now).active.seconds();
    out.seeding_time = times(now).seeding.seconds();
    out.limited_by = limited_by(now);
    out.counters = counters_;
    out.complete = complete_ && phase_ == Phase::ready;  // what is being checked is proven when it is
    out.sequential = sequential_;
    if (phase_ == Phase::checking && work_.check && work_.check->to_check() > 0)
        out.progress = static_cast<double>(work_.check->checked()) / work_.check->to_check();
    return out;
}

ByteVector Torrent::piece_states() const {
    ByteVector out(geometry_.num_pieces);
    for (std::uint32_t i = 0; i < geometry_.num_pieces; ++i) out[i] = static_cast<Byte>(download_.state(PieceIndex{i}));
    return out;
}

std::vector<FileStatus> Torrent::file_status() const {
    const auto& map = files_.map();
    const auto verified = storage::verified_bytes(map, have());
    std::vector<FileStatus> out(map.num_files());
    for (std::uint32_t i = 0; i < map.num_files(); ++i) {
        out[i].index = i;
        out[i].path = files_.relative_path(FileIndex{i});
        out[i].size = map.file_size(FileIndex{i});
        out[i].priority = file_priorities_[i];
        out[i].verified = verified[i];
        out[i].progress = out[i].size == 0 ? 1.0 : static_cast<double>(verified[i]) / static_cast<double>(out[i].size);
    }
    return out;
}

std::vector<PeerStatus> Torrent::peer_status(bool all, Time now) const {
    std::vector<PeerStatus> out;
    for (const PeerKey key : swarm_.links()) {
        const Peer* const p = core_.peer(key);
        if (p == nullptr || (!all && !p->is_connected())) continue;
        out.push_back(p->status(now));
        swarm_.add_earlier_links(*p, out.back(), now);
        out.back().outstanding = static_cast<std::uint32_t>(download_.ledger().outstanding(key).size());
        out.back().on_parole = download_.is_on_parole(p->address.host);
        out.back().hash_failures = download_.hash_failures(p->address.host);
    }
    return out;
}

// -- the record -------------------------------------------------------------------------------------------------------

storage::TorrentRecord Torrent::record(const Bitfield& durable, const StatSweep* stamps) const {
    storage::TorrentRecord r;
    if (record_) r = *record_;  // not looked at yet: what was known stays
    r.info_hash = hashes().v1;
    r.info_hash_v2 = hashes().v2;
    if (keeps_record_ && metainfo_) r.metainfo = codec::write_torrent(*metainfo_);
    r.magnet = metainfo_ ? std::string() : origin_->link().to_string();
    r.wishes = origin_ ? origin_->wishes() : std::vector<storage::FileWish>();
    r.save_path = files_.save_path();
    r.wanted = wanted_;
    r.sequential = sequential_;
    r.epoch = books_.epoch;
    r.added_at = {static_cast<std::int64_t>(added_at_ * 1e9)};
    if (completed_at_) r.completed_at = WallTime{static_cast<std::int64_t>(*completed_at_ * 1e9)};
    if (phase_ == Phase::ready) {
        r.have = durable;
        if (stamps != nullptr) {
            r.files = stamps->stamps();
            r.part_file = stamps->part_file();
            storage::distrust_newer(files_.map(), durable, have(), r.files, r.part_file);
        }
        r.in_parts = files_.parked();
        r.straightened = files_.straightened();
        r.writing = may_write();
        r.partial.clear();
        for (auto& [piece, blocks] : download_.parked()) {
            if (r.partial.size() == storage::max_saved_partials) break;
            r.partial.push_back({piece.value, std::move(blocks)});
        }
    }
    r.file_priorities = file_priorities_;
    r.piece_priorities = *piece_priorities_;
    r.renamed.clear();
    r.renaming.clear();
    for (const auto& [file, name] : moves_->renamed) r.renamed.push_back({file.value, name});
    for (const auto& [file, name] : moves_->renames) r.renaming.push_back({file.value, name});
    r.move_to = moves_->to.value_or(std::string());
    r.trackers = announcer_.tiers();
    r.web_seeds = *web_seeds_;
    r.peers = swarm_.list().best(storage::max_saved_peers);
    r.totals = totals_of(counters_, times(core_.now()));
    r.totals.payload_received += record_ ? counters_.payload_partial : download_.parked_bytes();
    r.limits.download_rate = limits_->download_rate_limit;
    r.limits.upload_rate = limits_->upload_rate_limit;
    r.limits.max_connections = limits_->max_connections;
    r.limits.upload_slots = limits_->upload_slots;
    if (limits_->seed_ratio_limit)
        r.limits.seed_ratio_permille = static_cast<std::uint64_t>(std::llround(*limits_->seed_ratio_limit * 1000));
    if (limits_->seed_time_limit)
        r.limits.seed_time_ns = static_cast<std::uint64_t>(to_duration(*limits_->seed_time_limit).ns);
    return r;
}

void Torrent::saved() noexcept {
    dirty_ = urgent_ = false;
    books_.sent = counters_.payload_sent;
    ++books_.epoch;
}

void Torrent::open_journal(std::string path) {
    const auto& id = hashes();
    books_.journal->open(std::move(path), id.v1 ? id.v1->view() : id.v2->view(), books_.has_journal);
}

void Torrent::restore(const storage::TorrentRecord& r) {
    wanted_ = r.wanted;
    books_.epoch = r.epoch;
    books_.says_writing = r.writing;
    sequential_ = r.sequential;
    added_at_ = r.added_at.seconds();
    if (r.completed_at) completed_at_ = r.completed_at->seconds();
    if (r.file_priorities.size() == file_priorities_.size()) file_priorities_ = r.file_priorities;
    if (r.piece_priorities.size() == geometry_.num_pieces) piece_priorities_ = r.piece_priorities;
    if (r.in_parts.size() == file_priorities_.size()) files_.restore_parked(r.in_parts, r.straightened);
    files_.expect(r.files);
    for (const auto& renamed : r.renamed)
        if (renamed.file < files_.map().num_files()) {
            files_.set_relative_path(FileIndex{renamed.file}, renamed.path);
            moves_.own().renamed[FileIndex{renamed.file}] = renamed.path;
        }
    if (!r.move_to.empty()) moves_.own().to = r.move_to;
    for (const auto& one : r.renaming)
        if (one.file < files_.map().num_files()) moves_.own().renames.emplace_back(FileIndex{one.file}, one.path);
    if (wants_move()) moves_.own().again = true;
    announcer_.set_tiers(r.trackers, core_.now());
    web_seeds_ = r.web_seeds;
    const auto& t = r.totals;
    counters_ = counters_of(t);
    books_.sent = counters_.payload_sent;
    const std::uint64_t judged = t.payload_verified + t.payload_failed + t.payload_redundant + t.payload_discarded;
    counters_.payload_partial = t.payload_received > judged ? t.payload_received - judged : 0;
    times_.active = {static_cast<std::int64_t>(t.active_ns)};
    times_.seeding = {static_cast<std::int64_t>(t.seeding_ns)};
    TorrentLimits limits;
    limits.download_rate_limit = r.limits.download_rate;
    limits.upload_rate_limit = r.limits.upload_rate;
    limits.max_connections = r.limits.max_connections;
    limits.upload_slots = r.limits.upload_slots;
    if (r.limits.seed_ratio_permille)
        limits.seed_ratio_limit = static_cast<double>(*r.limits.seed_ratio_permille) / 1000;
    if (r.limits.seed_time_ns) limits.seed_time_limit = *r.limits.seed_time_ns / 1'000'000'000;
    if (limits.download_rate_limit) throttle().down.set_rate(limits.download_rate_limit, core_.now());
    if (limits.upload_rate_limit) throttle().up.set_rate(limits.upload_rate_limit, core_.now());
    limits_ = limits;
    for (const auto& address : r.peers) swarm_.add(address, policy::PeerSource::resume, false, core_.now());
}

}  // namespace jst::engine
