// The hasher of a node: real digests, virtual time.
//
// Jobs run one after another at a rate. The content is summed when a job is submitted and again when it is done: a
// buffer that changed meanwhile is a broken rule of the host, and the job then ends with Errc::internal.
#pragma once

#include "base/slot_map.hpp"
#include "runtime_sim/digest_cache.hpp"
#include "runtime_sim/node.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::runtime_sim {

struct ComputeSettings {
    std::uint64_t rate = 2'000'000'000;  // bytes per second; 0: no limit
    Duration latency = microseconds(5);  // of each job
};

class Compute final : public runtime::Compute, private EventSink {
  public:
    Compute(Commons& commons, Node& node, DigestCache& cache) : commons_(commons), node_(node), cache_(cache) {
        set({});
    }

    void set(const ComputeSettings& settings);
    void hash(runtime::HashOp& op) override;
    std::unique_ptr<runtime::HashState> new_state() override;
    void hash_more(runtime::HashMoreOp& op) override;
    std::size_t pending() const noexcept override { return jobs_.size(); }
    /// Jobs that wait are dropped with the host that they were for.
    void abandon() { jobs_ = {}; }

  private:
    struct Job {
        runtime::HashOp* whole = nullptr;
        runtime::HashMoreOp* more = nullptr;
        Checksum submitted;
        std::uint64_t bytes = 0;
    };
    using JobKey = Key<struct JobTag>;

    void start(Job job, std::span<const Bytes> spans);
    void on_event(const Event& event) override;
    void finish(const Job& job);
    void finish(runtime::HashOp& op, const Checksum& sum);
    void finish(runtime::HashMoreOp& op);

    Commons& commons_;
    Node& node_;
    DigestCache& cache_;
    ComputeSettings settings_;
    Line line_;
    SlotMap<Job, JobKey> jobs_;
};

}  // namespace jst::runtime_sim
