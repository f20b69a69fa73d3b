// Which disk operation runs when and where.
//
// At the end of a round the engine thread itself does what is quick: writes into the page cache, reads that the cache
// has (some are lent without a copy: FileWindows), small changes of names. Waking a worker would cost more than that.
// Syncs, listings, large reservations, bulk work and reads that miss the cache go to the workers; and everything does,
// for a while, on a device where calls take longer than slow_call (SlowDevice), unless this thread was only put aside
// for others.
// 1. Operations on one file take effect in the order of submission, on both ways: reads may overlap reads, nothing else
// overlaps. 2. Operations by path form one such row as well, bulk stat, list and free_space excepted.
#pragma once

#include <unordered_map>

#include "runtime_asio/crew.hpp"
#include "runtime_asio/file_calls.hpp"
#include "runtime_asio/file_windows.hpp"
#include "runtime_asio/slow_device.hpp"
#include "runtime_asio/thread_switches.hpp"
#include "runtime_asio/write_runs.hpp"

namespace jst::runtime_asio {

class AsioDisk final : public runtime::Disk {
  public:
    static constexpr std::uint64_t large_reservation = 64ull << 20;
    static constexpr std::size_t bulk_told_at = 16;  // the engine wakes once for so many reads of a check

    AsioDisk(Reactor& reactor, Crew& crew, Duration slow_call);
    ~AsioDisk();

    void submit(runtime::DiskOp& op) override;
    std::size_t pending() const noexcept override { return pending_; }
    bool digests_in_place() const noexcept override { return true; }

    /// The end of a round: does what is quick until `until`, hands the rest over.
    void flush(Time until);
    /// Something waits for the next flush().
    bool has_work() const noexcept { return !active_.empty() || !free_.empty(); }
    /// Takes over what the workers ended.
    void collect();
    void abandon() noexcept;

  private:
    // One file, or the row of the operations by path.
    struct Row {
        std::uint64_t handle = 0;
        OpenFile file;
        std::uint64_t device = 0;
        OpList waiting;
        int reads = 0;            // on workers
        bool exclusive = false;   // something else is on a worker
        bool active = false;      // is in active_
        bool closing = false;     // no more operations are taken
        bool cache_known = true;  // read_cached works here
    };
    struct Device {
        std::uint64_t id = 0;
        SlowDevice patience;
    };
    struct DiskLane final : Crew::Lane {
        explicit DiskLane(std::size_t told_at) noexcept : Lane(1, told_at) {}
        void work(OpList& batch) noexcept override;
    };

    void activate(Row& row);
    bool run_row(Row& row, Time until);
    bool run_here(runtime::DiskOp& op, Row& row);
    bool wants_worker(const runtime::DiskOp& op, const Row& row) const noexcept;
    void perform_here(runtime::DiskOp& op, const Row& row);
    OpenFile as_written_now(OpenFile file) const noexcept;
    void hand_over(runtime::DiskOp& op, Row& row);
    void ended(runtime::DiskOp& op, Row* row);
    void adopt(runtime::DiskOp& op);
    Device& device(std::uint64_t id);
    bool slow(std::uint64_t id) const noexcept;
    bool was_preempted() noexcept;

    Reactor& reactor_;
    Crew& crew_;
    Duration slow_call_;
    ThreadSwitches switches_;  // when the first call of this flush began, or after the last that took long
    DiskLane lane_{1};
    DiskLane bulk_lane_{bulk_told_at};
    Row paths_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Row>> files_;
    std::vector<Row*> active_;
    std::vector<Row*> running_;
    std::vector<Device> devices_;
    FileWindows windows_;
    WriteRuns runs_;
    OpList free_;       // in no row
    OpList for_crew_;   // of this round
    OpList for_later_;  // bulk ones
    std::uint64_t last_handle_ = 0;
    std::size_t pending_ = 0;
};

}  // namespace jst::runtime_asio
