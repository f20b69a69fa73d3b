#include "engine/file_sweeps.hpp"

#include <algorithm>
#include <new>
#include <set>

#include "base/check.hpp"
#include "base/undo.hpp"

namespace jst::engine {

using runtime::DiskAction;
using runtime::FileKind;
using runtime::OpenMode;

std::vector<std::string> directories_of(const std::vector<std::string>& paths, std::size_t root_bytes) {
    std::set<std::string> dirs;
    for (const auto& path : paths) {
        std::size_t end = path.rfind('/');
        while (end != std::string::npos && end > root_bytes && dirs.insert(path.substr(0, end)).second) {
            end = path.rfind('/', end - 1);
        }
    }
    return {dirs.begin(), dirs.end()};
}

std::vector<std::string> directories_above(const std::string& path) {
    std::vector<std::string> dirs;
    for (std::size_t end = path.rfind('/'); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
        dirs.push_back(path.substr(0, end));
    }
    dirs.push_back("/");
    return dirs;
}

bool is_absence(Errc error) noexcept {
    return error == Errc::not_found || error == Errc::not_directory || error == Errc::is_directory ||
           error == Errc::symlink || error == Errc::not_a_file;
}

void Sweep::start() {
    JST_CHECK(!running_, "a sweep is started twice");
    running_ = true;
    canceled_ = false;
    error_ = Errc::ok;
    error_path_.clear();
    next_ = 0;
    for (auto& lane : lanes_) {
        lane.sweep = this;
        lane.item = runtime::no_index;
    }
    pump();
    if (active_ != 0) return;
    // Nothing to do: the answer still comes in a turn of its own.
    wake_.on_done = [](runtime::Op& op, Time now) { static_cast<Sweep*>(op.owner)->end(now); };
    wake_.owner = this;
    wake_.tag = tag_;
    wake_.action = DiskAction::stat;
    wake_.path = "/";
    disk_.submit(wake_);
}

// Memory that is short is an error like those of the disk: who waits for the sweep hears of it.
bool Sweep::advances(Lane& lane) {
    try {
        return advance(lane);
    } catch (const std::bad_alloc&) {
        failed(Errc::out_of_memory, {});
        return false;
    }
}

bool Sweep::passes_on() {
    try {
        return next_pass();
    } catch (const std::bad_alloc&) {
        failed(Errc::out_of_memory, {});
        return false;
    }
}

bool Sweep::has_more() const { return next_ < num_items() && !canceled_ && (error_ == Errc::ok || !stops_on_error()); }

void Sweep::pump() {
    do {
        const std::size_t count = lanes();
        for (std::size_t i = 0; i < count; ++i) {
            Lane& lane = lanes_[i];
            while (lane.item == runtime::no_index && has_more()) {
                lane.item = next_++;
                lane.stage = 0;
                if (advances(lane)) {
                    submit(lane);
                } else {
                    lane.item = runtime::no_index;
                }
            }
        }
        if (active_ != 0 || canceled_ || (error_ != Errc::ok && stops_on_error())) return;
        next_ = 0;
    } while (passes_on());
    next_ = num_items();
}

void Sweep::submit(Lane& lane) {
    ++active_;
    lane.op.on_done = on_op;
    lane.op.owner = &lane;
    lane.op.tag = tag_;
    lane.op.bulk = is_bulk();
    disk_.submit(lane.op);
}

void Sweep::on_op(runtime::Op& op, Time now) {
    Lane& lane = *static_cast<Lane*>(op.owner);
    Sweep& sweep = *lane.sweep;
    --sweep.active_;
    ++sweep.num_answers_;
    if (sweep.advances(lane)) return sweep.submit(lane);
    lane.item = runtime::no_index;
    sweep.pump();
    if (sweep.active_ == 0) sweep.end(now);
}

void Sweep::end(Time now) {
    running_ = false;
    if (canceled_ && error_ == Errc::ok) error_ = Errc::canceled;
    ending();
    if (on_done != nullptr) on_done(*this, now);
}

void Sweep::failed(Errc error, const std::string& path) {
    if (error_ != Errc::ok) return;
    error_ = error;
    error_path_ = path;
}

void Sweep::prepare(Lane& lane, DiskAction action, std::string path, std::size_t trusted_prefix) const {
    lane.op.action = action;
    lane.op.path = std::move(path);
    lane.op.trusted_prefix = trusted_prefix;
}

// -- StatSweep: 0 begin, 1 looked, 2 asked for holes, 3 and more: looked at directories above a file that is missing

bool StatSweep::advance(Lane& lane) {
    if (lane.item == 0 && lane.stage == 0) begin();
    if (lane.stage == 2) {
        // Where that can not be said, every byte counts as there.
        holes_[lane.item] = lane.op.error == Errc::ok && lane.op.ranges.empty();
        if (lane.op.error == Errc::ok) sparse_[FileIndex{lane.item}] = std::move(lane.op.ranges);
        return false;
    }
    if (lane.stage == 0) return look(lane);
    if (lane.stage > 2) return climb(lane);
    lane.stage = 2;
    const auto& op = lane.op;
    if (op.error == Errc::not_found) {
        lane.stage = 3;
        return look_above(lane);
    }
    if (op.error != Errc::ok && !is_absence(op.error)) failed(op.error, op.path);
    return op.error == Errc::ok && op.stat.kind == FileKind::file && note(lane);
}

void StatSweep::begin() {
    stamps_.assign(store_.num_files(), {});
    holes_.assign(store_.num_files(), false);
    sparse_.clear();
    part_file_ = {};
    missing_.clear();
    present_.clear();
}

bool StatSweep::look(Lane& lane) {
    const bool is_part = lane.item == store_.num_files();
    if (!is_part && !store_.layout().files[lane.item].on_disk) return false;
    std::string path = is_part ? store_.part_path() : store_.path_of(FileIndex{lane.item});
    if (!missing_.empty() && path.starts_with(missing_)) return false;
    lane.stage = 1;
    prepare(lane, DiskAction::stat, std::move(path), store_.save_path().size());
    return true;
}

/// Of a file that is there; true when it is asked where its holes are.
bool StatSweep::note(Lane& lane) {
    const auto& op = lane.op;
    const storage::FileStamp stamp{true, op.stat.size, op.stat.modified_ns};
    if (lane.item == store_.num_files()) {
        part_file_ = stamp;
        return false;
    }
    stamps_[lane.item] = stamp;
    // Only a hint: there are file systems that say of every file that nothing of it is on disk.
    if (!looks_for_holes_ || op.stat.allocated >= op.stat.size) return false;
    lane.op.action = DiskAction::extents;
    lane.op.offset = 0;
    return true;
}

/// The directory above what lane.op did not find, unless it is known or we have climbed enough.
bool StatSweep::look_above(Lane& lane) {
    if (lane.stage++ == 3 + most_climbed) return false;
    std::string& path = lane.op.path;
    path.resize(path.rfind('/'));
    return path.size() > store_.save_path().size() && path + '/' != present_;
}

bool StatSweep::climb(Lane& lane) {
    if (lane.op.error == Errc::not_found) {
        missing_ = lane.op.path + '/';
        return look_above(lane);
    }
    if (lane.op.error == Errc::ok) present_ = lane.op.path + '/';
    return false;
}

namespace {

bool is_within(const std::vector<runtime::FileRange>& ranges, std::uint64_t begin, std::uint64_t end) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), begin,
                                        [](std::uint64_t at, const runtime::FileRange& r) { return at < r.begin; });
    return after != ranges.begin() && std::prev(after)->end >= end;
}

bool touches(const std::vector<runtime::FileRange>& ranges, std::uint64_t begin, std::uint64_t end) {
    const auto after = std::upper_bound(ranges.begin(), ranges.end(), begin,
                                        [](std::uint64_t at, const runtime::FileRange& r) { return at < r.end; });
    return after != ranges.end() && after->begin < end;
}

}  // namespace

Bitfield StatSweep::on_disk() const {
    const auto& map = store_.map();
    Bitfield pieces(map.num_pieces());
    for (PieceIndex p; p.value < map.num_pieces(); ++p) {
        bool whole = true;
        map.each_slice(p, 0, map.piece_size(p), [&](const storage::FileSlice& slice) {
            if (slice.is_pad || !whole) return;
            const std::uint64_t end = slice.offset + slice.length;
            const auto& stamp = stamps_[slice.file.value];
            const auto found = sparse_.find(slice.file);
            whole = stamp.exists && stamp.size >= end && !holes_[slice.file.value] &&
                    (found == sparse_.end() || is_within(found->second, slice.offset, end));
        });
        if (whole) pieces.set(p);
    }
    return pieces;
}

Bitfield StatSweep::in_holes() const {
    const auto& map = store_.map();
    Bitfield pieces(map.num_pieces());
    for (PieceIndex p; p.value < map.num_pieces(); ++p) {
        bool empty = true;
        map.each_slice(p, 0, map.piece_size(p), [&](const storage::FileSlice& slice) {
            if (slice.is_pad || !empty) return;
            const auto found = sparse_.find(slice.file);
            empty = !store_.is_parked(slice.file) &&
                    (holes_[slice.file.value] ||
                     (found != sparse_.end() && !touches(found->second, slice.offset, slice.offset + slice.length)));
        });
        if (empty) pieces.set(p);
    }
    return pieces;
}

// -- MakingSweep: 0 begin, 1 opened, 2 made the directory, 3 opened again, 4 reserved, 5 closed, 6 closed after an
// error

MakingSweep::MakingSweep(FileStore& store, runtime::Tag tag, std::vector<bool> wanted, bool reserves)
    : Sweep(store.disk(), tag), store_(store) {
    for (std::uint32_t f = 0; f < store.num_files(); ++f) {
        const bool asked = wanted.empty() || (f < wanted.size() && wanted[f]);
        const bool has_space = reserves && store.layout().files[f].on_disk;
        if (asked && (has_space || store.layout().is_empty_file(f))) files_.push_back(FileIndex{f});
    }
}

bool MakingSweep::advance(Lane& lane) {
    const FileIndex file = files_[lane.item];
    const auto path = [&] { return store_.path_of(file); };  // not with the file open: it takes memory
    const std::size_t trusted = store_.save_path().size();
    const Errc error = lane.stage == 0 || lane.stage == 6 ? Errc::ok : lane.op.error;
    if (lane.stage >= 5) return false;
    if (error == Errc::not_found && lane.stage == 1) {
        std::string dir = path();
        dir.resize(dir.rfind('/'));
        prepare(lane, DiskAction::mkdirs, std::move(dir), trusted);
        lane.stage = 2;
        return true;
    }
    // A disk that cannot reserve takes the bytes as they come.
    const bool is_reserved = lane.stage == 4 && error == Errc::not_supported;
    if (error != Errc::ok && !is_reserved) {
        failed(error, lane.stage == 2 ? path() : lane.op.path);
        if (lane.stage != 4) return false;
        lane.op.action = DiskAction::close;
        lane.stage = 6;
        return true;
    }
    if (lane.stage == 0 || lane.stage == 2) {
        prepare(lane, DiskAction::open, path(), trusted);
        lane.op.mode = OpenMode::create;
        lane.stage = lane.stage == 0 ? 1 : 3;
        return true;
    }
    const std::uint64_t size = store_.map().file_size(file);
    const bool reserve = lane.stage < 4 && size > 0;
    if (lane.stage < 4) store_.note_written(file);
    lane.op.action = reserve ? DiskAction::allocate : DiskAction::close;
    lane.op.offset = size;
    if (!reserve) store_.note_made(file);
    lane.stage = reserve ? 4 : 5;
    return true;
}

// -- SyncSweep: 0 begin, 1 opened, 2 synced, 3 closed; then each directory: 0 begin, 1 synced

SyncSweep::SyncSweep(FileStore& store, runtime::Tag tag) : Sweep(store.disk(), tag), store_(store) {
    Undo undo([&] { give_back(); });  // nothing was synced
    list();
    undo.keep();
}

void SyncSweep::list() {
    FileStore& store = store_;
    found_ = store.take_found();
    taken_ = store.take_dirty();
    took_parts_ = store.part_file_dirty();
    for (const FileIndex file : taken_) files_.push_back(store.path_of(file));
    if (took_parts_) files_.push_back(store.part_path());
    list_dirs(files_);
    own_dirs_ = dirs_.size();
    written_ = files_.size();
    for (const FileIndex file : found_) files_.push_back(store.path_of(file));
    if (!found_.empty() && !took_parts_ && !store.parked().empty()) files_.push_back(store.part_path());
    list_dirs({files_.begin() + static_cast<std::ptrdiff_t>(written_), files_.end()});
    if (files_.empty() || store.is_anchored()) return;
    for (auto& dir : directories_above(store.save_path())) dirs_.push_back(std::move(dir));
}

void SyncSweep::list_dirs(const std::vector<std::string>& paths) {
    if (paths.empty()) return;
    for (auto& dir : directories_of(paths, store_.save_path().size())) dirs_.push_back(std::move(dir));
    dirs_.push_back(store_.save_path());
}

std::uint32_t SyncSweep::num_items() const {
    return static_cast<std::uint32_t>(in_dirs_ ? dirs_.size() : files_.size());
}

bool SyncSweep::next_pass() {
    if (in_dirs_) return false;
    in_dirs_ = true;
    return !dirs_.empty();
}

void SyncSweep::ending() {
    if (error() == Errc::ok) {
        if (!files_.empty()) store_.anchor();
        return;
    }
    give_back();
}

void SyncSweep::give_back() {
    for (const FileIndex file : taken_) store_.note_written(file);
    for (const FileIndex file : found_) store_.note_found(file);
    if (took_parts_) store_.note_part_written();
}

bool SyncSweep::advance(Lane& lane) {
    if (!in_dirs_) return advance_file(lane);
    if (lane.stage++ == 0) {
        prepare(lane, DiskAction::sync_dir, dirs_[lane.item], store_.save_path().size());
        return true;
    }
    // Who may not read a directory above did not make it either; and of files that were only read not every one can
    // sync.
    if (lane.item >= own_dirs_) return false;
    if (lane.op.error != Errc::ok && !is_absence(lane.op.error)) failed(lane.op.error, lane.op.path);
    return false;
}

void SyncSweep::note_absent(std::uint32_t item) {
    if (item == taken_.size()) return store_.note_parts_away();
    store_.note_away(taken_[item]);
}

bool SyncSweep::advance_file(Lane& lane) {
    const Errc error = lane.stage == 0 ? Errc::ok : lane.op.error;
    // A file that the user took away needs no sync; should it come back, it is not believed.
    const bool was_written = lane.item < written_;
    if (is_absence(error) && was_written) note_absent(lane.item);
    // Not every file system that is only read can sync.
    if (error != Errc::ok && !is_absence(error) && (was_written || error == Errc::disk_io))
        failed(error, files_[lane.item]);
    switch (lane.stage++) {
        case 0:
            prepare(lane, DiskAction::open, files_[lane.item], store_.save_path().size());
            lane.op.mode = was_written ? OpenMode::write : OpenMode::read;
            return true;
        case 1:
            lane.op.action = DiskAction::sync_file;
            return error == Errc::ok;
        case 2:
            lane.op.action = DiskAction::close;
            return true;
        default:
            return false;
    }
}

// -- RemoveSweep: 0 begin, 1 removed; then each directory, children first

RemoveSweep::RemoveSweep(FileStore& store, runtime::Tag tag, std::vector<bool> others)
    : Sweep(store.disk(), tag), store_(store), others_(std::move(others)) {
    JST_CHECK(!store.files_open(), "files are removed while they are open");
    std::vector<std::string> paths;
    for (std::uint32_t f = 0; f < store.num_files(); ++f) {
        if (store.layout().files[f].on_disk) paths.push_back(store.path_of(FileIndex{f}));
    }
    dirs_ = directories_of(paths, store.save_path().size());
    std::reverse(dirs_.begin(), dirs_.end());
}

std::uint32_t RemoveSweep::num_items() const {
    return in_dirs_ ? static_cast<std::uint32_t>(dirs_.size()) : store_.num_files() + 1;
}

bool RemoveSweep::next_pass() {
    if (in_dirs_) return false;
    in_dirs_ = true;
    return !dirs_.empty();
}

bool RemoveSweep::advance(Lane& lane) {
    if (lane.stage++ != 0) {
        const Errc error = lane.op.error;
        const bool others_there = in_dirs_ && (error == Errc::not_empty || error == Errc::exists);
        if (error != Errc::ok && !is_absence(error) && !others_there) failed(error, lane.op.path);
        return false;
    }
    const std::size_t trusted = store_.save_path().size();
    if (in_dirs_) {
        prepare(lane, DiskAction::rmdir, dirs_[lane.item], trusted);
        return true;
    }
    const bool is_part = lane.item == store_.num_files();
    if (!is_part && !store_.layout().files[lane.item].on_disk) return false;
    if (lane.item < others_.size() && others_[lane.item]) return false;
    prepare(lane, DiskAction::unlink, is_part ? store_.part_path() : store_.path_of(FileIndex{lane.item}), trusted);
    return true;
}

}  // namespace jst::engine
