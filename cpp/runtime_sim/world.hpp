// A world: many nodes, one network, one virtual time, one seed. What happens is a function of the seed and the
// commands.
//
// A host (an engine) is attached to a node and lives through that node's Runtime. Time moves only in step() and
// run_until(). A round is 1..n of the turns that are ready at one instant on one node; the seed chooses node and n.
// Invariants: 1. same seed and same calls, same fingerprint; 2. idle nodes cost nothing, there is no tick; 3. the world
// outlives the hosts and the streams that they hold. Not thread-safe: a world belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "runtime/runtime.hpp"
#include "runtime_sim/crash_mode.hpp"
#include "runtime_sim/op_kind.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::runtime_sim {

class Compute;
class Disk;
class Network;
class Node;
class NodeNet;

/// The most rounds of one instant: more is a host that never lets time pass.
inline constexpr std::uint64_t max_rounds_per_instant = 1'000'000;

class World {
  public:
    explicit World(std::uint64_t seed);
    ~World();
    World(const World&) = delete;

    std::uint64_t seed() const noexcept;

    // ---- nodes ----
    NodeId add_node(std::string_view name, const IpAddress& host);
    std::size_t size() const noexcept;
    const std::string& name(NodeId node) const;
    const IpAddress& host(NodeId node) const;
    runtime::Runtime& runtime(NodeId node);
    /// Up again after abandon() or detach(): a new host may be built on runtime(node). attach() does it too.
    void start(NodeId node);
    /// From now on the node's turns go to `host`; completions of what was submitted before were waiting for it.
    void attach(NodeId node, runtime::Host& host);
    bool attached(NodeId node) const;
    /// The end of a process: its sockets are closed by the kernel, the disk keeps all, no completion comes.
    void detach(NodeId node);
    /// A crash: links fall silent, completions are dropped, the disk keeps what `mode` says. The host is not touched
    /// any more and is destroyed afterwards (a stream that is dropped while its node is up resets the other side).
    void abandon(NodeId node, CrashMode mode = CrashMode::drop_all);
    /// Runs `turn` as a turn of the node at the present instant, then ends the round. False when it broke a rule.
    bool command(NodeId node, const std::function<void()>& turn);
    Node& node(NodeId node);

    // ---- time ----
    Time now() const noexcept;
    /// When something will happen next (now, if turns are ready); never when nothing will.
    Time next_event_time() const noexcept;
    /// Runs the next round that is due at or before `limit`. False when there is none: then the time is `limit`
    /// (or unchanged, if there is no limit).
    bool step(Time limit = Time::never());
    /// Returns the number of rounds.
    std::uint64_t run_until(Time when);
    /// Runs until nothing is in flight and no operation is pending, timers and waiting reads aside, or until `limit`.
    bool settle(Time limit);
    /// No turn ready, nothing on the wire, no operation pending. What waits for a wake-up does not count.
    bool idle() const noexcept;

    // ---- what happened ----
    std::uint64_t fingerprint() const noexcept;
    std::uint64_t events() const noexcept;
    std::uint64_t turns() const noexcept;
    std::uint64_t rounds() const noexcept;
    std::uint64_t broken_rules() const noexcept;

    // ---- the parts ----
    Topology& topology() noexcept;
    Network& network() noexcept;
    NodeNet& net(NodeId node);
    Disk& disk(NodeId node);
    Compute& compute(NodeId node);
    void jump_mono(NodeId node, Duration by);
    void jump_wall(NodeId node, Duration by);

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace jst::runtime_sim
