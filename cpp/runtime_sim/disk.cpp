#include "runtime_sim/disk.hpp"

#include <algorithm>

namespace jst::runtime_sim {
namespace {

using runtime::DiskAction;

std::uint64_t bytes_of(const runtime::DiskOp& op) noexcept {
    std::uint64_t total = 0;
    if (op.action == DiskAction::read)
        for (const auto& span : op.into) total += span.size();
    if (op.action == DiskAction::write)
        for (const auto& span : op.from) total += span.size();
    return total;
}

bool names_file(DiskAction action) noexcept {
    switch (action) {
        case DiskAction::close:
        case DiskAction::truncate:
        case DiskAction::allocate:
        case DiskAction::read:
        case DiskAction::write:
        case DiskAction::sync_file:
        case DiskAction::digest:
            return true;
        default:
            return false;
    }
}

// The first half of the bytes, in the same spans.
template <class Span>
std::vector<Span> half_of(std::span<const Span> spans, std::uint64_t bytes) {
    std::vector<Span> half;
    std::uint64_t left = bytes / 2;
    for (const auto& span : spans) {
        half.push_back(span.first(static_cast<std::size_t>(std::min<std::uint64_t>(span.size(), left))));
        left -= half.back().size();
    }
    return half;
}

bool is_sync(DiskAction action) noexcept { return action == DiskAction::sync_file || action == DiskAction::sync_dir; }

}  // namespace

void Disk::set(const DiskSettings& settings) {
    settings_ = settings;
    line_.rate = settings.rate;
}

void Disk::submit(runtime::DiskOp& op) {
    if (!node_.submitted(op, disk_kind(op.action))) return;
    op.transferred = 0;
    const auto key = jobs_.emplace(Job{&op, op.action == DiskAction::write ? checksum(op.from) : Checksum{}});
    const Time transferred = line_.reserve(commons_.timeline.now(), bytes_of(op));
    Duration latency = is_sync(op.action) ? settings_.latency + settings_.sync_latency : settings_.latency;
    if (!faults_.empty()) latency = latency + faults_.delay(op, path_of(op));
    last_effect_ = std::max(last_effect_, transferred + latency);
    commons_.timeline.schedule(last_effect_, *this, node_.incarnation(), key.packed());
}

void Disk::on_event(const Event& event) {
    if (event.kind != node_.incarnation()) return;
    const auto key = JobKey::unpack(event.key);
    const auto* found = jobs_.find(key);
    if (found == nullptr) return;
    const Job job = *found;
    jobs_.erase(key);
    auto& op = *job.op;
    if (op.action == DiskAction::write && checksum(op.from) != job.submitted) {
        node_.finished_broken(op, disk_kind(op.action), "a buffer changed while it was being written");
        return;
    }
    const auto done = attempt(op);
    if (done) ++operations_;
    if (on_effect && !on_effect(op, done ? Errc::ok : done.error().code)) return;
    node_.finished(op, disk_kind(op.action), done ? Errc::ok : done.error().code, op.transferred);
}

// ---- what takes effect ----

Result<void> Disk::attempt(runtime::DiskOp& op) {
    if (faults_.empty()) return perform(op);
    const auto strike = faults_.strike(op, path_of(op));
    if (!strike) return perform(op);
    if (strike->is_short) return perform_half(op);
    if (!names_file(op.action)) op.file = {};
    return fail(strike->error);
}

Result<void> Disk::perform_half(runtime::DiskOp& op) {
    if (op.action == DiskAction::read) {
        const auto all = op.into;
        const auto half = half_of(all, bytes_of(op));
        op.into = half;
        const auto done = perform(op);
        op.into = all;
        return done;
    }
    const auto all = op.from;
    const auto half = half_of(all, bytes_of(op));
    op.from = half;
    const auto done = perform(op);
    op.from = all;
    return done ? Result<void>(fail(Errc::short_write)) : done;
}

Result<void> Disk::perform(runtime::DiskOp& op) {
    if (!names_file(op.action)) return perform_on_path(op);
    const auto file = open_.find(op.file);
    if (file == open_.end()) return fail(Errc::bad_handle);
    return perform_on_file(op, file->second);
}

// Of a file that is not open: nowhere.
std::string_view Disk::path_of(const runtime::DiskOp& op) const {
    if (!names_file(op.action)) return op.path;
    const auto file = open_.find(op.file);
    return file == open_.end() ? std::string_view() : std::string_view(file->second.path);
}

Result<void> Disk::perform_on_path(runtime::DiskOp& op) {
    switch (op.action) {
        case DiskAction::open:
            return open(op, op.mode, false);
        case DiskAction::lock:
            return open(op, runtime::OpenMode::create, true);
        case DiskAction::stat: {
            op.stat = {};
            JST_TRY(stat, files_.stat(op.path, op.trusted_prefix));
            op.stat = stat;
            return {};
        }
        case DiskAction::list: {
            op.entries.clear();
            JST_TRY(entries, files_.list(op.path, op.trusted_prefix));
            op.entries = std::move(entries);
            return {};
        }
        case DiskAction::mkdirs:
            return files_.mkdirs(op.path, op.trusted_prefix, wall());
        case DiskAction::rename:
            return rename(op);
        case DiskAction::unlink:
            return files_.unlink(op.path, op.trusted_prefix);
        case DiskAction::rmdir:
            return files_.rmdir(op.path, op.trusted_prefix);
        case DiskAction::free_space: {
            JST_TRY_VOID(files_.stat(op.path, op.trusted_prefix));
            op.offset = files_.free_space(op.path);
            return {};
        }
        case DiskAction::sync_dir:
            return files_.sync_dir(op.path, op.trusted_prefix);
        case DiskAction::extents: {
            op.ranges.clear();
            JST_TRY(ranges, files_.extents(op.path, op.trusted_prefix, op.offset));
            op.ranges = std::move(ranges);
            return {};
        }
        default:
            return fail(Errc::not_supported);
    }
}

Result<void> Disk::open(runtime::DiskOp& op, runtime::OpenMode mode, bool lock) {
    op.file = {};
    JST_TRY(file, files_.open(op.path, op.trusted_prefix, mode, wall()));
    if (lock && !files_.lock(file)) {
        files_.release(file);
        return fail(Errc::state_dir_in_use);
    }
    op.file = {++next_handle_};
    open_.emplace(op.file, OpenFile{file, mode != runtime::OpenMode::read, lock, op.path});
    return {};
}

// Open files go with their names.
Result<void> Disk::rename(runtime::DiskOp& op) {
    JST_TRY_VOID(files_.rename(op.path, op.path_to, op.trusted_prefix));
    for (auto& [handle, file] : open_)
        if (file.path.starts_with(op.path) && is_at_or_below(file.path, op.path))
            file.path.replace(0, op.path.size(), op.path_to);
    return {};
}

// All of what is asked for, as it is now.
bool Disk::lend(runtime::DiskOp& op, const OpenFile& file) {
    const std::uint64_t wanted = bytes_of(op);
    op.lent = {};
    if (!op.may_lend || wanted < runtime::lent_from_bytes) return false;
    auto copy = std::make_shared_for_overwrite<Byte[]>(wanted);
    const MutableBytes room(copy.get(), wanted);
    if (files_.read(file.file, op.offset, {&room, 1}) < wanted) return false;
    op.lent = {room, std::move(copy)};
    op.transferred = wanted;
    return true;
}

Result<void> Disk::perform_on_file(runtime::DiskOp& op, OpenFile& file) {
    switch (op.action) {
        case DiskAction::close:
            if (file.locked) files_.unlock(file.file);
            files_.release(file.file);
            open_.erase(op.file);
            return {};
        case DiskAction::read:
            if (lend(op, file)) return {};
            op.transferred = static_cast<std::size_t>(files_.read(file.file, op.offset, op.into));
            return {};
        case DiskAction::sync_file:
            files_.sync_file(file.file);
            return {};
        case DiskAction::digest:  // all is read: see digests_in_place()
            return {};
        default:
            break;
    }
    if (!file.writable) return fail(Errc::bad_handle);
    if (op.action == DiskAction::truncate) return files_.truncate(file.file, op.offset, wall());
    if (op.action == DiskAction::allocate) return files_.allocate(file.file, op.offset, wall());
    return write(op, file);
}

Result<void> Disk::write(runtime::DiskOp& op, const OpenFile& file) {
    const Written done = files_.write(file.file, op.offset, op.from, wall());
    op.transferred = static_cast<std::size_t>(done.bytes);
    if (done.error != Errc::ok) return fail(done.error);
    return {};
}

void Disk::abandon(CrashMode mode) {
    jobs_ = {};
    open_.clear();
    line_.free_at = last_effect_ = commons_.timeline.now();
    Prng luck = node_.stream(0, "crash");
    files_.crash(mode, luck);
}

// ---- the laboratory's hand ----

Result<InodeId> Disk::open_for_lab(std::string_view path, runtime::OpenMode mode) {
    const auto slash = path.rfind('/');
    if (mode == runtime::OpenMode::create && slash != std::string_view::npos && slash != 0)
        JST_TRY_VOID(files_.mkdirs(path.substr(0, slash), 0, wall()));
    return files_.open(path, 0, mode, wall());
}

Result<ByteVector> Disk::read_file(std::string_view path, std::uint64_t offset, std::uint64_t length) {
    JST_TRY(file, open_for_lab(path, runtime::OpenMode::read));
    const std::uint64_t size = files_.size(file);
    ByteVector bytes(static_cast<std::size_t>(offset >= size ? 0 : std::min(length, size - offset)));
    const MutableBytes room[] = {bytes};
    files_.read(file, offset, room);
    files_.release(file);
    return bytes;
}

Result<void> Disk::write_file(std::string_view path, std::uint64_t offset, Bytes bytes) {
    const bool is_new = !files_.stat(path, 0);
    JST_TRY(file, open_for_lab(path, runtime::OpenMode::create));
    const Bytes from[] = {bytes};
    const Written done = files_.write(file, offset, from, wall());
    files_.make_durable(file, offset, bytes.first(static_cast<std::size_t>(done.bytes)));
    files_.release(file);
    if (is_new) files_.sync_names_above(path);
    if (done.error != Errc::ok) return fail(done.error);
    return {};
}

Result<void> Disk::truncate_file(std::string_view path, std::uint64_t size) {
    JST_TRY(file, open_for_lab(path, runtime::OpenMode::write));
    const auto done = files_.truncate(file, size, wall());
    files_.sync_file(file);
    files_.release(file);
    return done;
}

Result<void> Disk::delete_file(std::string_view path) { return files_.unlink_durably(path); }

}  // namespace jst::runtime_sim
