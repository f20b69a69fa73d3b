#include "engine/state_load.hpp"

#include <algorithm>

#include "storage/journal.hpp"

namespace jst::engine {

using runtime::DiskAction;

// The directory: seek -> (make -> sync the directories above, one by one) -> lock -> list both
namespace {
enum DirStage : std::uint32_t { seek, sought, made, anchoring, locked, above, listed };
}  // namespace

bool StateStore::Load::advance_dir(Lane& lane) {
    const std::string torrents = dir_ + "/torrents";
    const Errc error = lane.stage == seek ? Errc::ok : lane.op.error;
    const bool may_fail = lane.stage == sought || lane.stage == anchoring;
    if (error != Errc::ok && !may_fail) {
        failed(error, dir_);
        return false;
    }
    switch (lane.stage) {
        case seek:
            return ask(lane, DiskAction::stat, torrents, sought);
        case sought:
            return error == Errc::ok ? ask(lane, DiskAction::lock, dir_ + "/lock", locked)
                                     : ask(lane, DiskAction::mkdirs, torrents, made);
        case made:
            above_ = directories_above(torrents);
            [[fallthrough]];
        case anchoring: {
            // New names must be durable before a record is; who may not read a directory above did not make it either.
            if (above_.empty()) return ask(lane, DiskAction::lock, dir_ + "/lock", locked);
            const std::string dir = std::move(above_.front());
            above_.erase(above_.begin());
            return ask(lane, DiskAction::sync_dir, dir, anchoring);
        }
        case locked:
            lock_ = lane.op.file;
            return ask(lane, DiskAction::list, dir_, above);
        case above:
            for (const auto& entry : lane.op.entries) taken_.insert(entry.name);
            return ask(lane, DiskAction::list, torrents, listed);
        default:
            list(lane.op.entries);
            return false;
    }
}

bool StateStore::Load::ask(Lane& lane, DiskAction action, const std::string& path, std::uint32_t stage) const {
    prepare(lane, action, path, 0);
    lane.stage = stage;
    return true;
}

void StateStore::Load::list(const std::vector<runtime::DirEntry>& entries) {
    names_.push_back("session.jst");
    names_.push_back("session.jst.tmp");
    for (const auto& entry : entries) {
        taken_.insert("torrents/" + entry.name);
        if (entry.kind == runtime::FileKind::directory) continue;
        std::string_view name = entry.name;
        if (name.ends_with(".tmp")) name.remove_suffix(4);
        const bool is_journal =
            name == entry.name && name.ends_with(journal_suffix) && entry.kind == runtime::FileKind::file;
        if (name.ends_with(".jst") || is_journal) names_.push_back("torrents/" + entry.name);
    }
    records_.resize(names_.size());
    readings_.resize(names_.size());
}

bool StateStore::Load::next_pass() {
    if (listed_) return false;
    listed_ = true;
    return true;
}

// A record or a journal: 0 begin, 1 looked at, 2 opened, 3 read, 4 closed, 5 set aside. A leftover: 0 begin, 5 deleted

namespace {

bool is_journal(std::string_view name) noexcept { return name.ends_with(journal_suffix); }

// A link is not followed: what is saved next would replace it, and leave what it leads to as it was.
Errc unusable(runtime::FileKind kind) noexcept {
    if (kind == runtime::FileKind::symlink) return Errc::symlink;
    return kind == runtime::FileKind::file ? Errc::bad_record : Errc::not_a_file;
}

std::string record_of(std::string name) { return name.substr(0, name.size() - journal_suffix.size()) + ".jst"; }

}  // namespace

bool StateStore::Load::advance_record(Lane& lane) {
    const std::string path = dir_ + '/' + names_[lane.item];
    auto& reading = readings_[lane.item];
    const Errc error = lane.stage == 0 ? Errc::ok : lane.op.error;
    switch (lane.stage++) {
        case 0: {
            const std::string& name = names_[lane.item];
            const bool left = name.ends_with(".tmp") || (is_journal(name) && !taken_.contains(record_of(name)));
            prepare(lane, left ? DiskAction::unlink : DiskAction::stat, path, 0);
            if (left) lane.stage = 5;
            return true;
        }
        case 1:
            if (error == Errc::not_found) return false;
            if (error == Errc::ok && is_journal(path) && lane.op.stat.size > storage::max_journal_bytes) return false;
            if (error == Errc::ok &&
                (lane.op.stat.size > storage::max_record_bytes || lane.op.stat.kind != runtime::FileKind::file)) {
                lane.stage = 5;
                return set_aside(lane, fail(unusable(lane.op.stat.kind)));
            }
            if (error != Errc::ok) break;
            reading = std::make_unique<Reading>();
            reading->bytes.resize(static_cast<std::size_t>(lane.op.stat.size));
            reading->into = reading->bytes;
            lane.op.action = DiskAction::open;
            lane.op.mode = runtime::OpenMode::read;
            return true;
        case 2:
            if (error != Errc::ok) break;
            lane.op.action = DiskAction::read;
            lane.op.offset = 0;
            lane.op.into = std::span(&reading->into, 1);
            return true;
        case 3:
            reading->error = error;
            // Half a record would be set aside: it is asked for once more.
            if (error == Errc::ok && lane.op.transferred < reading->bytes.size() &&
                !std::exchange(reading->again, true)) {
                lane.stage = 3;
                return true;
            }
            if (error == Errc::ok) reading->bytes.resize(std::min(lane.op.transferred, reading->bytes.size()));
            lane.op.action = DiskAction::close;
            return true;
        case 4:
            if (is_journal(path)) {
                take_journal(lane.item);
                return false;
            }
            if (reading->error == Errc::ok) return !take(lane.item) && set_aside(lane, problems.back().error);
            problems.push_back({path, fail(reading->error), {}});
            return false;
        case 5:
            if (error != Errc::ok)
                for (auto& problem : problems)
                    if (problem.path == path) problem.kept_at.clear();
            return false;
        default:
            return false;
    }
    if (!is_journal(path)) problems.push_back({path, fail(error), {}});
    return false;
}

// One that is torn or not ours names less, or nothing.
void StateStore::Load::take_journal(std::uint32_t item) {
    const auto reading = std::move(readings_[item]);
    const std::size_t begin = names_[item].find('/') + 1;
    const auto hash = from_hex(names_[item].substr(begin, names_[item].size() - begin - journal_suffix.size()));
    if (!hash || reading->error != Errc::ok || (hash->size() != 20 && hash->size() != 32)) return;
    auto journal = storage::read_journal(reading->bytes, *hash, storage::max_pieces);
    journals[*hash] = journal ? std::move(journal->pieces) : std::vector<PieceIndex>{};
}

/// Decodes what was read; false when the last problem is that it is to be set aside.
bool StateStore::Load::take(std::uint32_t item) {
    const auto reading = std::move(readings_[item]);
    Error error;
    if (item == 0) {
        auto decoded = storage::decode_session_record(reading->bytes);
        if (decoded) {
            session = std::move(*decoded);
            return true;
        }
        error = decoded.error();
    } else {
        auto decoded = storage::decode_torrent_record(reading->bytes);
        const bool named =
            decoded && names_[item] == "torrents/" + record_name(decoded->info_hash ? decoded->info_hash->view()
                                                                                    : decoded->info_hash_v2->view());
        if (named) {
            records_[item] = std::move(*decoded);
            return true;
        }
        error = decoded ? fail(Errc::bad_record) : decoded.error();
    }
    problems.push_back({dir_ + '/' + names_[item], error, {}});
    return false;
}

std::string StateStore::Load::free_name(const std::string& name, Errc why) {
    const std::string aside = name + (why == Errc::not_supported ? ".newer" : ".bad");
    std::string chosen = aside;
    for (int n = 2; taken_.contains(chosen) && n <= max_set_aside; ++n) chosen = aside + std::to_string(n);
    taken_.insert(chosen);
    return chosen;
}

bool StateStore::Load::set_aside(Lane& lane, Error error) {
    const std::string path = dir_ + '/' + names_[lane.item];
    if (problems.empty() || problems.back().path != path) problems.push_back({path, error, {}});
    prepare(lane, DiskAction::rename, path, 0);
    lane.op.path_to = dir_ + '/' + free_name(names_[lane.item], error.code);
    problems.back().kept_at = lane.op.path_to;
    return true;
}

std::vector<storage::TorrentRecord> StateStore::Load::torrents() {
    std::map<ByteVector, std::size_t> order;
    if (session) {
        for (std::size_t i = 0; i < session->queue.size(); ++i) order.emplace(session->queue[i], i);
    }
    struct Placed {
        std::size_t place;
        std::uint32_t position;
        ByteVector hash;
        storage::TorrentRecord record;
    };
    std::vector<Placed> placed;
    for (auto& record : records_) {
        if (!record) continue;
        ByteVector hash = to_vector(record->info_hash ? record->info_hash->view() : record->info_hash_v2->view());
        const auto found = order.find(hash);
        const std::size_t place = found != order.end() ? found->second : order.size();
        const std::uint32_t position = record->queue_position;
        placed.push_back({place, position, std::move(hash), std::move(*record)});
    }
    records_.clear();
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
        return std::tie(a.place, a.position, a.hash) < std::tie(b.place, b.position, b.hash);
    });
    std::vector<storage::TorrentRecord> out;
    for (auto& one : placed) out.push_back(std::move(one.record));
    return out;
}

}  // namespace jst::engine
