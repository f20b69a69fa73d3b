#include "engine/file_store.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/check.hpp"
#include "base/effort.hpp"
#include "base/undo.hpp"

namespace jst::engine {
namespace {

constexpr std::uint32_t part_file_number = 0xFFFFFFFF;

std::string trimmed(std::string path) {
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

template <class Span>
std::uint64_t total(std::span<const Span> spans) noexcept {
    std::uint64_t sum = 0;
    for (const auto& span : spans) sum += span.size();
    return sum;
}

/// The spans of `length` bytes from byte `at` of span number `first`; `scratch` is used unless they are all of `spans`.
template <class Span>
std::span<const Span> cut(std::span<const Span> spans, std::size_t first, std::size_t at, std::uint64_t length,
                          bool all, std::vector<Span>& scratch) {
    if (all) return spans;
    scratch.clear();
    for (std::size_t i = first; length > 0; ++i, at = 0) {
        const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(spans[i].size() - at, length));
        if (here == 0) continue;
        scratch.push_back(spans[i].subspan(at, here));
        length -= here;
    }
    return scratch;
}

}  // namespace

FileStore::FileStore(runtime::Disk& disk, HandleCache& handles, std::shared_ptr<const storage::Layout> layout,
                     std::string save_path, std::uint32_t number)
    : disk_(disk),
      handles_(handles),
      layout_(std::move(layout)),
      parts_(storage::PartFile(layout_->map)),
      save_path_(trimmed(std::move(save_path))),
      number_(number),
      flags_(num_files()) {}

FileStore::~FileStore() = default;

void FileStore::lay_out(std::shared_ptr<const storage::Layout> layout) {
    JST_CHECK(num_files() == 0 && jobs_ == 0, "files are laid out once, before anything is done with them");
    auto parts = storage::PartFile(layout->map);
    flags_.resize(layout->files.size());
    parts_ = std::move(parts);
    layout_ = std::move(layout);
}

const std::string& FileStore::relative_path(FileIndex file) const noexcept {
    const auto renamed = renamed_->find(file.value);
    return renamed != renamed_->end() ? renamed->second : layout_->files[file.value].path;
}

std::string FileStore::path_of(FileIndex file) const { return save_path_ + '/' + relative_path(file); }

std::string FileStore::part_path() const { return save_path_ + '/' + layout_->part_name(); }

std::string FileStore::target_path(const FileKey& key) const {
    return key.file == part_file_number ? part_path() : path_of(FileIndex{key.file});
}

void FileStore::submit(StoreJob& job) {
    job.straight_ = false;
    begin(job);
}

void FileStore::submit_straight(StoreJob& job) {
    job.straight_ = true;
    begin(job);
}

void FileStore::begin(StoreJob& job) {
    JST_CHECK(!job.is_pending(), "a store job is submitted twice");
    JST_CHECK(!job.into.empty() + !job.from.empty() + !job.digests.empty() == 1, "a store job does one thing");
    job.length_ = total(job.into) + total(job.from) + job.digests.length;
    JST_CHECK(map().contains_run(job.piece, job.begin, job.length_), "a store job outside the torrent");
    job.error = Errc::ok;
    job.path.clear();
    job.digested = 0;
    job.at_ = 0;
    job.span_ = 0;
    job.span_at_ = 0;
    job.op_.on_done = on_op;
    job.op_.owner = &job;
    job.op_.tag = job.tag;
    job.op_.bulk = job.bulk;
    job.op_.ahead = job.ahead;
    const Time now = on_begin != nullptr ? on_begin(watcher) : Time{};
    job.store_ = this;  // all that may throw and is not an answer lies above
    ++jobs_;
    line_up(job, now);
    job.refused_ = false;
    bool goes = false;
    try {
        goes = step(job);
    } catch (const std::bad_alloc&) {
        job.refused_ = true;
    }
    // Nothing but padding, or no memory: the answer still comes in a turn of its own.
    if (goes) return;
    job.op_.action = runtime::DiskAction::stat;
    job.op_.path = "/";
    disk_.submit(job.op_);
}

void FileStore::line_up(StoreJob& job, Time now) noexcept {
    job.since_ = now;
    job.older_ = youngest_;
    job.younger_ = nullptr;
    (youngest_ != nullptr ? youngest_->younger_ : oldest_) = &job;
    youngest_ = &job;
}

void FileStore::leave_line(StoreJob& job) noexcept {
    (job.older_ != nullptr ? job.older_->younger_ : oldest_) = job.younger_;
    (job.younger_ != nullptr ? job.younger_->older_ : youngest_) = job.older_;
    job.older_ = job.younger_ = nullptr;
}

/// Submits the next operation; false when the job has no bytes left.
bool FileStore::step(StoreJob& job) {
    const bool writes = !job.from.empty();
    while (job.at_ < job.length_) {
        const Target target = target_of(job);
        job.slice_ = target.length;
        job.offset_ = target.offset;
        job.pinned_ = target.key;
        if (!job.digests.empty() && !lies_in_one(job, target)) return false;
        if (target.is_pad) {
            skip_padding(job);
            continue;
        }
        if (writes && target.key.file != part_file_number) flags_[target.key.file].begun = true;
        if (const auto file = handles_.try_pin(target.key, writes)) {
            Undo undo([&] { handles_.unpin(target.key); });
            submit_io(job, file);
            undo.keep();
            return true;
        }
        job.target_ = target_path(target.key);
        HandleWaiter& waiter = job.waiter_;
        waiter.on_ready = on_handle;
        waiter.owner = &job;
        waiter.key = target.key;
        waiter.writable = writes;
        waiter.may_make = writes && !is_there(target);
        waiter.path = job.target_;
        waiter.trusted_prefix = save_path_.size();
        waiter.reserve = writes ? reserve_for(job, target) : 0;
        waiter.tag = job.tag;
        handles_.acquire(waiter);
        return true;
    }
    return false;
}

bool FileStore::lies_in_one(const StoreJob& job, const Target& target) {
    return !target.is_pad && target.key.file != part_file_number && target.length == job.length_;
}

void FileStore::skip_padding(StoreJob& job) {
    if (!job.into.empty()) {
        for (const auto& span : cut(job.into, job.span_, job.span_at_, job.slice_, false, job.into_)) {
            std::memset(span.data(), 0, span.size());
        }
    }
    advance(job);
}

void FileStore::advance(StoreJob& job) {
    job.at_ += job.slice_;
    std::uint64_t left = job.slice_;
    while (left > 0) {
        const std::size_t size = job.into.empty() ? job.from[job.span_].size() : job.into[job.span_].size();
        const std::uint64_t here = std::min<std::uint64_t>(size - job.span_at_, left);
        left -= here;
        job.span_at_ += static_cast<std::size_t>(here);
        if (job.span_at_ == size) {
            ++job.span_;
            job.span_at_ = 0;
        }
    }
}

FileStore::Target FileStore::target_of(StoreJob& job) {
    const std::uint64_t begin = job.begin + job.at_;
    const auto slice = map().first_slice(job.piece, begin, job.length_ - job.at_);
    Target target{{number_, slice.file.value}, slice.offset, slice.length, slice.is_pad};
    if (slice.is_pad || !is_parked(slice.file) || job.straight_) return target;
    // Part by part: neighbouring pieces of a parked file have other places.
    const std::uint64_t position = std::uint64_t{job.piece.value} * map().piece_length() + begin;
    const PieceIndex piece{static_cast<std::uint32_t>(position / map().piece_length())};
    const auto within = static_cast<std::uint32_t>(position % map().piece_length());
    target.length = std::min<std::uint64_t>(target.length, map().piece_length() - within);
    if (!goes_to_parts(job, slice.file, piece)) return target;
    if (const auto offset = parts_->offset(piece, within)) {
        target.key.file = part_file_number;
        target.offset = *offset;
        if (!job.from.empty() && !job.in_parts_) {
            job.in_parts_ = true;
            ++part_writers_;
        }
    }
    return target;
}

bool FileStore::goes_to_parts(const StoreJob& job, FileIndex file, PieceIndex piece) {
    const std::pair key{file.value, piece.value};
    if (flags_[file.value].leaving && !job.from.empty()) straightened_.own().insert(key);
    return !straightened_->contains(key);
}

// What was there and is gone took its bytes with it: a new file in its place would be believed to hold them.
bool FileStore::is_there(const Target& target) const {
    return target.key.file == part_file_number ? has_parts_ : flags_[target.key.file].exists;
}

std::uint64_t FileStore::reserve_for(const StoreJob& job, const Target& target) const {
    if (!reserves_ || target.key.file == part_file_number || is_there(target)) return 0;
    const std::uint64_t size = map().file_size(FileIndex{target.key.file});
    return size >= reserve_from_bytes && job.slice_ < size ? size : 0;
}

void FileStore::submit_io(StoreJob& job, runtime::FileHandle file) {
    const bool all = job.at_ == 0 && job.slice_ == job.length_;
    runtime::DiskOp& op = job.op_;
    op.file = file;
    op.offset = job.offset_;
    op.tag.begin = static_cast<std::uint32_t>(job.begin + job.at_);
    op.into = {};
    op.from = {};
    op.digests = job.digests;
    op.may_lend = job.may_lend && all;
    if (!job.digests.empty()) {
        op.action = runtime::DiskAction::digest;
    } else if (job.into.empty()) {
        op.action = runtime::DiskAction::write;
        op.from = cut(job.from, job.span_, job.span_at_, job.slice_, all, job.from_);
    } else {
        op.action = runtime::DiskAction::read;
        op.into = cut(job.into, job.span_, job.span_at_, job.slice_, all, job.into_);
    }
    disk_.submit(op);
}

void FileStore::on_handle(HandleWaiter& waiter, Time now) {
    StoreJob& job = *static_cast<StoreJob*>(waiter.owner);
    FileStore& store = *job.store_;
    if (waiter.error != Errc::ok) return store.finish(job, waiter.error, now);
    try {
        return store.submit_io(job, waiter.file);
    } catch (const std::bad_alloc&) {
    }
    store.handles_.release(job.pinned_, now);
    store.finish(job, Errc::out_of_memory, now);
}

void FileStore::on_op(runtime::Op& op, Time now) {
    StoreJob& job = *static_cast<StoreJob*>(op.owner);
    job.store_->op_done(job, now);
}

void FileStore::op_done(StoreJob& job, Time now) {
    runtime::DiskOp& op = job.op_;
    job.lent = std::exchange(op.lent, {});
    if (op.action == runtime::DiskAction::stat) return finish(job, job.refused_ ? Errc::out_of_memory : Errc::ok, now);
    handles_.release(job.pinned_, now);
    if (op.error != Errc::ok) return finish(job, op.error, now);
    if (op.action == runtime::DiskAction::digest) {
        job.digested = op.transferred;
        return finish(job, Errc::ok, now);
    }
    const bool wrote = op.action == runtime::DiskAction::write;
    if (op.transferred < job.slice_) return finish(job, wrote ? Errc::short_write : Errc::short_read, now);
    if (wrote) {
        if (job.pinned_.file == part_file_number) {
            note_part_written();
        } else {
            note_written(FileIndex{job.pinned_.file});
        }
    }
    advance(job);
    leave_line(job);
    line_up(job, now);
    Errc error = Errc::ok;
    try {
        if (step(job)) return;
    } catch (const std::bad_alloc&) {
        error = Errc::out_of_memory;
    }
    finish(job, error, now);
}

void FileStore::finish(StoreJob& job, Errc error, Time now) {
    job.error = error;
    if (error != Errc::ok) job.path = target_path(job.pinned_);
    job.store_ = nullptr;
    --jobs_;
    leave_line(job);
    const bool quiet = std::exchange(job.in_parts_, false) && --part_writers_ == 0;
    if (job.on_done != nullptr) job.on_done(job, now);
    if (quiet && part_writers_ == 0 && on_parts_quiet != nullptr) on_parts_quiet(*this, now);
}

void FileStore::set_skipped(const std::vector<bool>& skipped) {
    for (std::uint32_t f = 0; f < num_files(); ++f) flags_[f].skipped = f < skipped.size() && skipped[f];
    if (looked_) park();
}

void FileStore::park() {
    leaving_from_ = 0;
    for (std::uint32_t f = 0; f < num_files(); ++f) {
        Flags& file = flags_[f];
        if (file.skipped && !file.exists && !file.begun && layout_->files[f].on_disk) file.parked = true;
        if (!file.skipped && file.parked) file.leaving = true;
    }
}

std::optional<FileIndex> FileStore::leaving() const noexcept {
    for (; leaving_from_ < num_files(); ++leaving_from_) {
        effort();
        if (flags_[leaving_from_].leaving) return FileIndex{leaving_from_};
    }
    return std::nullopt;
}

std::vector<bool> FileStore::parked() const {
    std::vector<bool> out;
    if (std::none_of(flags_.begin(), flags_.end(), [](const Flags& file) { return file.parked; })) return out;
    for (const Flags& file : flags_) out.push_back(file.parked);
    return out;
}

void FileStore::restore_parked(const std::vector<bool>& parked, const storage::Straightened& straightened) {
    for (std::uint32_t f = 0; f < num_files() && f < parked.size(); ++f) flags_[f].parked = parked[f];
    for (const auto& [file, piece] : straightened)
        if (is_parked(FileIndex{file})) straightened_.own().emplace(file, piece);
}

void FileStore::unparked(FileIndex file) {
    flags_[file.value].parked = flags_[file.value].leaving = false;
    auto& written = straightened_.own();
    written.erase(written.lower_bound({file.value, 0}), written.lower_bound({file.value + 1, 0}));
}

void FileStore::drop_parts() {
    if (!has_spare_parts()) return;
    has_parts_ = part_dirty_ = false;
    handles_.close_file({number_, part_file_number});
    if (!dropping_) dropping_ = std::make_unique<runtime::DiskOp>();
    runtime::DiskOp& op = *dropping_;
    op.on_done = [](runtime::Op& done, Time) {
        FileStore& store = *static_cast<FileStore*>(done.owner);
        store.is_dropping_ = false;
        --store.jobs_;
    };
    op.owner = this;
    op.action = runtime::DiskAction::unlink;
    op.path = part_path();
    op.trusted_prefix = save_path_.size();
    is_dropping_ = true;
    ++jobs_;
    disk_.submit(op);  // what fails leaves a file that nobody reads
}

void FileStore::expect(std::span<const storage::FileStamp> stamps) {
    for (std::uint32_t f = 0; f < num_files() && f < stamps.size(); ++f) flags_[f].exists = stamps[f].exists;
}

void FileStore::note_existing(std::span<const storage::FileStamp> stamps) {
    expect(stamps);
    for (Flags& file : flags_) file.made = file.doubtful = file.ahead = false;
    parts_doubtful_ = false;
    if (jobs_ == 0)
        for (Flags& file : flags_) file.begun = false;
    looked_ = true;
    park();
}

void FileStore::note_written(FileIndex file) noexcept {
    Flags& flags = flags_[file.value];
    flags.exists = flags.dirty = flags.ahead = true;
}

void FileStore::note_stamped() noexcept {
    for (Flags& file : flags_) file.ahead = file.dirty;
}

std::vector<FileIndex> FileStore::take_dirty() {
    std::vector<FileIndex> files;
    for (std::uint32_t f = 0; f < num_files(); ++f)
        if (flags_[f].dirty) files.push_back(FileIndex{f});
    for (const FileIndex file : files) flags_[file.value].dirty = false;  // all that may throw is over
    return files;
}

void FileStore::note_found(PieceIndex piece) {
    map().each_slice(piece, 0, map().piece_size(piece), [&](const storage::FileSlice& slice) {
        if (!slice.is_pad) note_found(slice.file);
    });
}

std::vector<FileIndex> FileStore::take_found() {
    std::vector<FileIndex> files;
    for (std::uint32_t f = 0; f < num_files(); ++f)
        if (flags_[f].found && !flags_[f].dirty) files.push_back(FileIndex{f});
    for (Flags& file : flags_) file.found = false;
    return files;
}

void FileStore::set_save_path(std::string path) {
    JST_CHECK(jobs_ == 0 && !files_open(), "a torrent moves while its files are in use");
    save_path_ = trimmed(std::move(path));
    anchored_ = false;
}

void FileStore::set_relative_path(FileIndex file, std::string path) {
    JST_CHECK(jobs_ == 0 && !files_open(), "a file is renamed while it is in use");
    renamed_.own()[file.value] = std::move(path);
}

}  // namespace jst::engine
