#include "runtime_asio/disk.hpp"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "runtime_asio/file_calls.hpp"

namespace jst::runtime_asio {
namespace {

using runtime::DiskAction;
using runtime::DiskOp;

bool names_a_path(DiskAction action) noexcept {
    switch (action) {
        case DiskAction::close:
        case DiskAction::truncate:
        case DiskAction::allocate:
        case DiskAction::read:
        case DiskAction::write:
        case DiskAction::sync_file:
        case DiskAction::digest:
            return false;
        default:
            return true;
    }
}

bool only_reads(const DiskOp& op) noexcept { return op.action == DiskAction::read || op.action == DiskAction::digest; }

// Questions of a sweep: nobody depends on their place in the row.
bool is_free(const DiskOp& op) noexcept {
    return op.bulk &&
           (op.action == DiskAction::stat || op.action == DiskAction::list || op.action == DiskAction::free_space);
}

// Not what others do on this CPU meanwhile.
Duration thread_cpu() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

}  // namespace

// A worker has no way to a row, so the file travels in the operation.
void AsioDisk::DiskLane::work(OpList& batch) noexcept {
    OpList done;
    while (auto* op = batch.pop()) {
        perform(static_cast<DiskOp&>(*op), OpenFile::from(op->extra));
        done.push(*op);
    }
    batch.append(done);
}

AsioDisk::AsioDisk(Reactor& reactor, Crew& crew, Duration slow_call)
    : reactor_(reactor), crew_(crew), slow_call_(slow_call) {
    crew.add(lane_);
    crew.add(bulk_lane_);
}

// The descriptors go as they would at the end of the process. The crew has stopped.
AsioDisk::~AsioDisk() {
    for (const auto& [handle, row] : files_)
        if (row->file.fd >= 0) ::close(row->file.fd);
}

void AsioDisk::submit(DiskOp& op) {
    Reactor::begin(op);
    ++pending_;
    op.transferred = 0;
    op.stat = {};
    op.entries.clear();
    op.ranges.clear();
    op.lent = {};
    if (is_free(op)) return free_.push(op);
    Row* row = &paths_;
    if (!names_a_path(op.action)) {
        const auto found = files_.find(op.file.value);
        if (found == files_.end() || found->second->closing) {
            --pending_;
            return reactor_.finish(op, Errc::bad_handle);
        }
        row = found->second.get();
        row->closing = op.action == DiskAction::close;
    }
    op.runtime = row;
    row->waiting.push(op);
    activate(*row);
}

void AsioDisk::activate(Row& row) {
    if (row.active || row.waiting.empty()) return;
    row.active = true;
    active_.push_back(&row);
}

void AsioDisk::flush(Time until) {
    while (auto* op = free_.pop()) {
        op->runtime = nullptr;
        op->extra = OpenFile{}.packed();
        for_later_.push(*op);
    }
    running_.swap(active_);
    if (!running_.empty()) switches_ = ThreadSwitches::now();
    for (auto* row : running_) {
        row->active = false;
        if (!run_row(*row, until)) activate(*row);
    }
    running_.clear();
    crew_.submit(lane_, for_crew_);
    crew_.submit(bulk_lane_, for_later_);
}

// False when the time was up before the row was.
bool AsioDisk::run_row(Row& row, Time until) {
    while (!row.waiting.empty() && !row.exclusive) {
        if (reactor_.mono_now() > until) return false;
        auto& op = static_cast<DiskOp&>(*row.waiting.first());
        if (row.reads > 0 && !only_reads(op)) return true;
        row.waiting.pop();
        // A row that a close ended is gone after this.
        const bool last = op.action == DiskAction::close;
        if (wants_worker(op, row) || !run_here(op, row)) hand_over(op, row);
        if (last) return true;
    }
    return true;
}

bool AsioDisk::wants_worker(const DiskOp& op, const Row& row) const noexcept {
    if (op.bulk || slow(row.device)) return true;
    switch (op.action) {
        case DiskAction::sync_file:
        case DiskAction::sync_dir:
        case DiskAction::list:
        case DiskAction::extents:
        case DiskAction::digest:
            return true;
        case DiskAction::allocate:
            return op.offset > large_reservation;
        default:
            return false;
    }
}

bool AsioDisk::run_here(DiskOp& op, Row& row) {
    if (op.action == DiskAction::read && op.may_lend && windows_.lend(op, row.handle, row.file.fd)) {
        ended(op, &row);
        return true;
    }
    const Time start = reactor_.refresh();
    if (op.action == DiskAction::read && row.cache_known) {
        const auto cached = read_cached(op, row.file.fd);
        if (cached == Cached::not_cached) return false;
        row.cache_known = cached == Cached::done;
    }
    if (op.action != DiskAction::read || !row.cache_known) perform_here(op, row);
    const Duration took = reactor_.refresh() - start;
    if (took > slow_call_ && !was_preempted()) device(row.device).patience.on_call(took, reactor_.mono_now());
    ended(op, &row);
    return true;
}

void AsioDisk::perform_here(DiskOp& op, const Row& row) {
    const bool tells = op.action == DiskAction::write && row.file.cuts_writes;
    const Duration before = tells ? thread_cpu() : Duration{};
    perform(op, as_written_now(row.file));
    if (tells && op.transferred >= WriteRuns::tells_from) runs_.on_write(op.transferred, thread_cpu() - before);
}

OpenFile AsioDisk::as_written_now(OpenFile file) const noexcept {
    file.cuts_writes = file.cuts_writes && !runs_.are_long();
    return file;
}

void AsioDisk::hand_over(DiskOp& op, Row& row) {
    op.extra = as_written_now(row.file).packed();
    if (only_reads(op))
        ++row.reads;
    else
        row.exclusive = true;
    (op.bulk ? for_later_ : for_crew_).push(op);
}

void AsioDisk::collect() {
    for (auto* lane : {&lane_, &bulk_lane_}) {
        OpList done = crew_.take_ended(*lane);
        while (auto* op = done.pop()) {
            auto& disk_op = static_cast<DiskOp&>(*op);
            auto* row = static_cast<Row*>(op->runtime);
            if (row != nullptr) {
                if (only_reads(disk_op))
                    --row->reads;
                else
                    row->exclusive = false;
                activate(*row);
            }
            ended(disk_op, row);
        }
    }
}

void AsioDisk::ended(DiskOp& op, Row* row) {
    const bool opened = op.action == DiskAction::open || op.action == DiskAction::lock;
    if (opened && op.error == Errc::ok) adopt(op);
    if (op.action == DiskAction::close) {
        windows_.forget(row->handle);
        files_.erase(row->handle);
    }
    --pending_;
    reactor_.finish(op, op.error);
}

void AsioDisk::adopt(DiskOp& op) {
    auto row = std::make_unique<Row>();
    row->handle = ++last_handle_;
    row->file = OpenFile::from(op.extra);
    struct stat status;
    if (::fstat(row->file.fd, &status) == 0) row->device = status.st_dev;
    op.file = {row->handle};
    files_.emplace(row->handle, std::move(row));
}

// There are as many as file systems in use.
AsioDisk::Device& AsioDisk::device(std::uint64_t id) {
    for (auto& known : devices_)
        if (known.id == id) return known;
    return devices_.emplace_back(Device{id, SlowDevice(slow_call_)});
}

bool AsioDisk::slow(std::uint64_t id) const noexcept {
    for (const auto& known : devices_)
        if (known.id == id) return known.patience.is_slow(reactor_.mono_now());
    return false;
}

bool AsioDisk::was_preempted() noexcept {
    const ThreadSwitches before = std::exchange(switches_, ThreadSwitches::now());
    return switches_.only_preempted_since(before);
}

void AsioDisk::abandon() noexcept {
    for (auto* row : active_) row->active = false;
    active_.clear();
    paths_.waiting.clear();
    for (const auto& [handle, row] : files_) row->waiting.clear();
    free_.clear();
    for_crew_.clear();
    for_later_.clear();
    pending_ = 0;
}

}  // namespace jst::runtime_asio
