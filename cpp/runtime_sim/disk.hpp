// The disk of a node: operations that take effect later, in the order of their submission.
//
// Bytes pass one line at a rate; latency is added to each operation, a sync costs more, and what comes behind a slow
// one waits. An operation takes effect or fails at one instant, and its completion is queued at the same. The buffers
// of a write are summed at submission and again when it takes effect: a change between is a broken rule of the host.
#pragma once

#include <functional>
#include <map>

#include "base/slot_map.hpp"
#include "runtime_sim/digest_cache.hpp"
#include "runtime_sim/disk_faults.hpp"
#include "runtime_sim/file_store.hpp"
#include "runtime_sim/node.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::runtime_sim {

struct DiskSettings {
    std::uint64_t rate = 1'000'000'000;  // bytes per second; 0: no limit
    Duration latency = microseconds(100);
    Duration sync_latency = milliseconds(2);
};

class Disk final : public runtime::Disk, private EventSink {
  public:
    Disk(Commons& commons, Node& node) : commons_(commons), node_(node) { set({}); }

    void set(const DiskSettings& settings);
    void submit(runtime::DiskOp& op) override;
    std::size_t pending() const noexcept override { return jobs_.size(); }
    /// The process is gone: handles and locks with it, and of what was not synced what `mode` says.
    void abandon(CrashMode mode);

    /// What the process sees, past all latency; a laboratory's own changes are durable at once.
    FileStore& files() noexcept { return files_; }
    /// They outlive a crash.
    DiskFaults& faults() noexcept { return faults_; }
    Result<ByteVector> read_file(std::string_view path, std::uint64_t offset, std::uint64_t length);
    Result<void> write_file(std::string_view path, std::uint64_t offset, Bytes bytes);
    Result<void> truncate_file(std::string_view path, std::uint64_t size);
    Result<void> delete_file(std::string_view path);
    /// Asked at the moment an operation has taken effect, before its completion is queued; false: the node is no more.
    std::function<bool(runtime::DiskOp&, Errc)> on_effect;
    /// Operations that took effect.
    std::uint64_t operations() const noexcept { return operations_; }

  private:
    struct Job {
        runtime::DiskOp* op = nullptr;
        Checksum submitted;
    };
    using JobKey = Key<struct DiskJobTag>;
    struct OpenFile {
        InodeId file = 0;
        bool writable = false;
        bool locked = false;
        std::string path;  // where it is now
    };

    void on_event(const Event& event) override;
    Result<void> attempt(runtime::DiskOp& op);
    Result<void> perform_half(runtime::DiskOp& op);
    Result<void> perform(runtime::DiskOp& op);
    Result<void> perform_on_path(runtime::DiskOp& op);
    Result<void> perform_on_file(runtime::DiskOp& op, OpenFile& file);
    bool lend(runtime::DiskOp& op, const OpenFile& file);
    Result<void> open(runtime::DiskOp& op, runtime::OpenMode mode, bool lock);
    Result<void> rename(runtime::DiskOp& op);
    Result<void> write(runtime::DiskOp& op, const OpenFile& file);
    std::string_view path_of(const runtime::DiskOp& op) const;
    Result<InodeId> open_for_lab(std::string_view path, runtime::OpenMode mode);
    std::int64_t wall() const noexcept { return node_.wall_now().ns; }

    Commons& commons_;
    Node& node_;
    DiskSettings settings_;
    Line line_;
    Time last_effect_;
    SlotMap<Job, JobKey> jobs_;
    FileStore files_;
    DiskFaults faults_;
    std::map<runtime::FileHandle, OpenFile> open_;
    std::uint64_t next_handle_ = 0;
    std::uint64_t operations_ = 0;
};

}  // namespace jst::runtime_sim
