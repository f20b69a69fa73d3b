#include "engine/file_moves.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "storage/safe_path.hpp"

namespace jst::engine {

using runtime::DiskAction;
using runtime::FileKind;
using runtime::OpenMode;

Result<std::string> checked_name(const FileStore& store, FileIndex file, std::string_view name, const Renames& coming) {
    JST_TRY(path, storage::checked_rename(name));
    const std::string key = storage::fold_path(path);
    const auto collides = [&](const std::string& with) {
        const std::string other = storage::fold_path(with);
        return other == key || other.starts_with(key + '/') || key.starts_with(other + '/');
    };
    for (const auto& [other, to] : coming)
        if (other != file && collides(to)) return fail(Errc::exists);
    for (std::uint32_t f = 0; f < store.num_files(); ++f) {
        if (f == file.value || !store.layout().files[f].on_disk) continue;
        if (collides(store.relative_path(FileIndex{f}))) return fail(Errc::exists);
    }
    return path;
}

// One move: look at the source, at the target, make its directory, rename. On another file system copy instead: clear
// the other name, open both, read and write in turns, sync, close both, name it. A copy that fails is closed and
// deleted. Where both are there after a crash they are compared; one that is not at the source is sought at the target.
namespace {
enum Stage : std::uint32_t {
    begin,
    source_seen,
    target_seen,
    source_dir_seen,
    target_dir_seen,
    dir_made,
    renamed,
    cleared,
    source_open,
    target_open,
    read,
    written,
    synced,
    source_closed,
    target_closed,
    named,
    same_source,
    same_target,
    same_read,
    same_other,
    sought,
    abort_source,
    abort_target,
    abort_deleted,
};

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
}  // namespace

MoveSweep::MoveSweep(FileStore& store, runtime::Tag tag, std::string save_path, bool again,
                     const std::vector<bool>& others)
    : Sweep(store.disk(), tag), again_(again), temp_name_('/' + store.layout().part_name() + ".move") {
    JST_CHECK(store.jobs() == 0 && !store.files_open(), "a torrent moves while its files are in use");
    while (save_path.size() > 1 && save_path.back() == '/') save_path.pop_back();
    if (save_path == store.save_path()) return;
    const auto add = [&](const std::string& relative) {
        moves_.push_back({{store.save_path() + '/' + relative, store.save_path().size()},
                          {save_path + '/' + relative, save_path.size()}});
    };
    for (std::uint32_t f = 0; f < store.num_files(); ++f) {
        if (!store.layout().files[f].on_disk || (f < others.size() && others[f])) continue;
        add(store.relative_path(FileIndex{f}));
        moves_.back().is_expected = store.exists(FileIndex{f});
    }
    add(store.layout().part_name());
}

MoveSweep::MoveSweep(FileStore& store, runtime::Tag tag, FileIndex file, const std::string& name, bool again,
                     const std::vector<bool>& others)
    : Sweep(store.disk(), tag), again_(again), temp_name_('/' + store.layout().part_name() + ".move") {
    JST_CHECK(store.jobs() == 0 && !store.files_open(), "a file is renamed while it is in use");
    const std::size_t trusted = store.save_path().size();
    if (store.relative_path(file) == name || (file.value < others.size() && others[file.value])) return;
    moves_.push_back({{store.path_of(file), trusted}, {store.save_path() + '/' + name, trusted}});
    moves_.back().is_expected = store.exists(file);
}

void MoveSweep::turn_back() {
    again_ = turned_ = true;
    for (auto& move : moves_) {
        std::swap(move.from, move.to);
        move.is_expected = false;
    }
}

void MoveSweep::cancel() noexcept {
    if (pass_ == Pass::moving && cause_ == Errc::ok) cause_ = Errc::canceled;
}

std::uint32_t MoveSweep::num_items() const {
    const bool files = pass_ == Pass::moving || pass_ == Pass::back || pass_ == Pass::deleting;
    return static_cast<std::uint32_t>(files ? moves_.size() : dirs_.size());
}

bool MoveSweep::has_copies() const {
    return std::any_of(moves_.begin(), moves_.end(), [](const Move& move) { return move.copied; });
}

// Deepest first; the last of them are those above.
void MoveSweep::list_dirs(Place Move::* side) {
    dirs_.clear();
    if (moves_.empty()) return;
    std::vector<std::string> paths;
    for (const auto& move : moves_) paths.push_back((move.*side).path);
    const std::size_t trusted = (moves_.front().*side).trusted;
    auto found = directories_of(paths, trusted);
    std::reverse(found.begin(), found.end());
    for (auto& dir : found) dirs_.push_back({std::move(dir), trusted});
    if (pass_ == Pass::cleaning) return;
    const std::string root = paths.front().substr(0, trusted);
    dirs_.push_back({root, trusted});
    own_dirs_ = dirs_.size();
    if (pass_ != Pass::syncing) return;
    for (auto& dir : directories_above(root)) dirs_.push_back({std::move(dir), 0});
}

bool MoveSweep::next_pass() {
    // Rather the whole disk is gone: what is on it stays where it belongs.
    const bool nothing_found =
        std::none_of(moves_.begin(), moves_.end(), [](const Move& move) { return move.done || move.is_there; });
    if (pass_ == Pass::moving && nothing_found && !lost_.empty()) give_up(Errc::not_found, lost_);
    const bool undo = pass_ == Pass::moving || pass_ == Pass::syncing ? cause_ != Errc::ok : false;
    if (undo && !undone_) {
        undone_ = true;
        pass_ = Pass::back;
        std::erase_if(moves_, [](const Move& move) { return !move.done; });
        for (auto& move : moves_) {
            if (!move.copied) std::swap(move.from, move.to);
            move.done = false;
        }
        return true;
    }
    if (pass_ == Pass::moving || pass_ == Pass::back) {
        pass_ = Pass::syncing;
        list_dirs(&Move::to);
        return true;
    }
    if (pass_ == Pass::syncing && !undone_ && has_copies()) {
        pass_ = Pass::deleting;
        return true;
    }
    if (pass_ == Pass::syncing || pass_ == Pass::deleting) {
        pass_ = Pass::settling;
        list_dirs(&Move::from);
        return true;
    }
    if (pass_ == Pass::cleaning) {
        if (cause_ != Errc::ok) failed(cause_, cause_path_);
        return false;
    }
    pass_ = Pass::cleaning;
    for (auto& move : moves_)
        if (undone_ && move.copied) std::swap(move.from, move.to);
    list_dirs(&Move::from);
    return true;
}

bool MoveSweep::ask(Lane& lane, DiskAction action, const Place& place, std::uint32_t stage) const {
    prepare(lane, action, place.path, place.trusted);
    lane.stage = stage;
    return true;
}

bool MoveSweep::give_up(Errc error, const std::string& path) {
    if (cause_ == Errc::ok || cause_ == Errc::canceled) {
        cause_ = error;
        cause_path_ = path;
    }
    return false;
}

bool MoveSweep::advance_dir(Lane& lane) {
    if (lane.stage == begin)
        return ask(lane, pass_ == Pass::cleaning ? DiskAction::rmdir : DiskAction::sync_dir, dirs_[lane.item], renamed);
    const Errc error = lane.op.error;
    // Who may not read a directory above did not make it either; what is not there holds nothing.
    if (pass_ == Pass::syncing && lane.item < own_dirs_ && error != Errc::ok && !is_absence(error))
        give_up(error, dirs_[lane.item].path);
    return false;
}

bool MoveSweep::advance(Lane& lane) {
    if (pass_ == Pass::syncing || pass_ == Pass::settling || pass_ == Pass::cleaning) return advance_dir(lane);
    Move& move = moves_[lane.item];
    const bool drops = pass_ == Pass::deleting || (pass_ == Pass::back && move.copied);
    // A source that stays where it was is one copy too many, and no harm.
    if (drops)
        return lane.stage == begin && move.copied &&
               ask(lane, DiskAction::unlink, pass_ == Pass::back ? move.to : move.from, renamed);
    if (lane.stage == begin) {
        if (pass_ == Pass::moving && cause_ != Errc::ok) return false;
        return ask(lane, DiskAction::stat, move.from, source_seen);
    }
    if (lane.stage >= abort_source) return advance_abort(lane, move);
    if (lane.stage == sought) {
        move.is_there = lane.op.error == Errc::ok && lane.op.stat.kind == FileKind::file;
        if (!move.is_there && lost_.empty()) lost_ = move.from.path;
        return false;
    }
    if (lane.stage >= same_source) return advance_comparison(lane, move);
    return lane.stage > renamed ? advance_copy(lane, move) : advance_move(lane, move);
}

bool MoveSweep::advance_move(Lane& lane, Move& move) {
    const Errc error = lane.op.error;
    switch (lane.stage) {
        case source_seen:
            if (error != Errc::ok && !is_absence(error)) return turned_ ? false : give_up(error, move.from.path);
            if (error != Errc::ok || lane.op.stat.kind != FileKind::file) return source_is_gone(lane, move);
            move.size = lane.op.stat.size;
            move.id = lane.op.stat.id;
            return ask(lane, DiskAction::stat, move.to, target_seen);
        case target_seen: {
            const bool there =
                error == Errc::ok && lane.op.stat.kind == FileKind::file && lane.op.stat.size == move.size;
            if (there && lane.op.stat.id == move.id && move.id != runtime::FileId{})
                return ask(lane, DiskAction::stat, {directory_of(move.from.path) + "/.", 0}, source_dir_seen);
            if (again_ && there && pass_ == Pass::moving)
                return ask(lane, DiskAction::open, move.from, same_source) && open_as(lane, OpenMode::read);
            const bool free = is_absence(error) || (error == Errc::ok && lane.op.stat.kind == FileKind::missing);
            if (!free) return is_in_the_way(error == Errc::ok ? Errc::exists : error, move);
            const std::string dir = directory_of(move.to.path);
            return ask(lane, DiskAction::mkdirs, {dir, std::min(move.to.trusted, dir.size())}, dir_made);
        }
        case source_dir_seen:
            if (error != Errc::ok) return give_up(error, move.from.path);
            move.id = lane.op.stat.id;
            return ask(lane, DiskAction::stat, {directory_of(move.to.path) + "/.", 0}, target_dir_seen);
        case target_dir_seen:
            if (error != Errc::ok) return give_up(error, move.to.path);
            // One directory: a link or a mount leads from one place to the other, and there is one file with one name.
            // Else it has two, of which one may go.
            if (lane.op.stat.id != move.id && !again_) return give_up(Errc::exists, move.to.path);
            move.done = true;
            move.copied = lane.op.stat.id != move.id;
            return false;
        case dir_made:
            if (error != Errc::ok) return give_up(error, move.to.path);
            // The two prefixes differ, and mkdirs has just looked at the way to the target.
            lane.op.path_to = move.to.path;
            return ask(lane, DiskAction::rename, {move.from.path, 0}, renamed);
        default:
            if (error == Errc::cross_device) return ask(lane, DiskAction::unlink, temp_of(move), cleared);
            if (error != Errc::ok) return give_up(error, move.to.path);
            move.done = true;
            return false;
    }
}

// One that a crash cut short may have moved it.
bool MoveSweep::source_is_gone(Lane& lane, const Move& move) {
    if (pass_ != Pass::moving || !move.is_expected) return false;
    if (again_) return ask(lane, DiskAction::stat, move.to, sought);
    if (lost_.empty()) lost_ = move.from.path;
    return false;
}

/// What is at the place where a file belongs is that file, when it goes back there.
bool MoveSweep::is_in_the_way(Errc error, const Move& move) {
    return turned_ && error == Errc::exists ? false : give_up(error, move.to.path);
}

bool MoveSweep::open_as(Lane& lane, OpenMode mode) {
    lane.op.mode = mode;
    return true;
}

bool MoveSweep::advance_copy(Lane& lane, Move& move) {
    runtime::DiskOp& op = lane.op;
    if (lane.stage == cleared)
        return ask(lane, DiskAction::open, move.from, source_open) && open_as(lane, OpenMode::read);
    if (op.error != Errc::ok) {
        const bool at_source = lane.stage == source_open || lane.stage == read || lane.stage == source_closed;
        give_up(op.error, at_source ? move.from.path : move.to.path);
        return begin_abort(lane, move);
    }
    if (cause_ == Errc::canceled && pass_ == Pass::moving && lane.stage < synced) {
        if (lane.stage == source_open) source_ = op.file;
        if (lane.stage == target_open) target_ = op.file;
        return begin_abort(lane, move);
    }
    switch (lane.stage) {
        case source_open:
            source_ = op.file;
            return ask(lane, DiskAction::open, temp_of(move), target_open) && open_as(lane, OpenMode::create);
        case target_open:
            target_ = op.file;
            offset_ = 0;
            buffer_.resize(move_chunk_bytes);
            return ask_read(lane, read);
        case read:
            if (op.transferred == 0) return ask_handle(lane, DiskAction::sync_file, target_, synced);
            from_ = Bytes(buffer_).first(op.transferred);
            op.from = std::span(&from_, 1);
            return ask_handle(lane, DiskAction::write, target_, written);
        case written:
            offset_ += from_.size();
            return ask_read(lane, read);
        case synced:
            return ask_handle(lane, DiskAction::close, std::exchange(source_, {}), source_closed);
        case source_closed:
            return ask_handle(lane, DiskAction::close, std::exchange(target_, {}), target_closed);
        case target_closed:
            lane.op.path_to = move.to.path;
            return ask(lane, DiskAction::rename, temp_of(move), named);
        default:
            move.done = move.copied = true;
            return false;
    }
}

MoveSweep::Place MoveSweep::temp_of(const Move& move) const {
    return {directory_of(move.to.path) + temp_name_, move.to.trusted};
}

bool MoveSweep::ask_handle(Lane& lane, DiskAction action, runtime::FileHandle file, std::uint32_t stage) const {
    lane.op.action = action;
    lane.op.file = file;
    lane.op.offset = offset_;
    lane.stage = stage;
    return true;
}

bool MoveSweep::ask_read(Lane& lane, std::uint32_t stage) {
    into_ = stage == same_other ? other_ : buffer_;
    lane.op.into = std::span(&into_, 1);
    return ask_handle(lane, DiskAction::read, stage == same_other ? target_ : source_, stage);
}

// Two of one length: the copy of an earlier attempt, or a file of somebody else's.
bool MoveSweep::advance_comparison(Lane& lane, Move& move) {
    const runtime::DiskOp& op = lane.op;
    if (op.error != Errc::ok) {
        const bool at_source = lane.stage == same_source || lane.stage == same_read;
        if (!(at_source && turned_)) give_up(op.error, at_source ? move.from.path : move.to.path);
        return begin_abort(lane, move);
    }
    switch (lane.stage) {
        case same_source:
            source_ = op.file;
            return ask(lane, DiskAction::open, move.to, same_target) && open_as(lane, OpenMode::read);
        case same_target:
            target_ = op.file;
            offset_ = 0;
            buffer_.resize(move_chunk_bytes);
            other_.resize(move_chunk_bytes);
            return ask_read(lane, same_read);
        case same_read:
            from_ = Bytes(buffer_).first(op.transferred);
            return ask_read(lane, same_other);
        default: {
            const std::size_t both = std::min(from_.size(), op.transferred);
            const bool end = both == 0 && from_.size() == op.transferred;
            move.done = move.copied = end;
            if (end) return begin_abort(lane, move);
            if (both == 0 ||
                !std::equal(from_.begin(), from_.begin() + static_cast<std::ptrdiff_t>(both), other_.begin())) {
                is_in_the_way(Errc::exists, move);
                return begin_abort(lane, move);
            }
            offset_ += both;
            return ask_read(lane, same_read);
        }
    }
}

/// Closes what is open and deletes the copy; the source was not touched.
bool MoveSweep::begin_abort(Lane& lane, const Move& move) {
    if (source_) return ask_handle(lane, DiskAction::close, std::exchange(source_, {}), abort_source);
    if (target_) return ask_handle(lane, DiskAction::close, std::exchange(target_, {}), abort_target);
    if (lane.stage == source_open) return false;
    return ask(lane, DiskAction::unlink, temp_of(move), abort_deleted);
}

bool MoveSweep::advance_abort(Lane& lane, const Move& move) {
    return lane.stage != abort_deleted && begin_abort(lane, move);
}

}  // namespace jst::engine
