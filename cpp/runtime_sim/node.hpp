// One inhabitant of a world: its clocks, its luck, and the queue of completions that wait to become turns.
//
// Every operation of every kind is announced through submitted() and handed back through finished(): the one place where
// a gate can observe, hold or fail it. Completions become turns in the order in which they were finished.
// Invariants: 1. on_done is called only from run_round(), never while something else of the node runs; 2. exactly one
// turn per submitted operation, none after abandon(); 3. each turn is mixed into the fingerprint before it runs.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "runtime/runtime.hpp"
#include "runtime_sim/fingerprint.hpp"
#include "runtime_sim/op_kind.hpp"
#include "runtime_sim/timeline.hpp"

namespace jst::runtime_sim {

/// What a node shares with its world.
struct NodeSurroundings {
    Timeline& timeline;
    Fingerprint& fingerprint;
    std::vector<NodeId>& ready;  // nodes that have turns to run
    std::uint64_t seed;
};

class Node final : public runtime::Clock, public runtime::Entropy, private EventSink {
  public:
    Node(const NodeSurroundings& surroundings, NodeId id, std::string_view name);
    Node(const Node&) = delete;

    NodeId id() const noexcept { return id_; }
    const std::string& name() const noexcept { return name_; }

    // ---- operations ----
    void submitted(runtime::Op& op, OpKind kind);
    /// `owner`: the stream, listener or socket that the operation belongs to, 0 for none. `size` is for the fingerprint.
    void finished(runtime::Op& op, OpKind kind, Errc error, std::uint64_t size = 0, std::uint64_t owner = 0);
    /// The owner was dropped: its completions that wait are never delivered.
    void forget(std::uint64_t owner);
    /// The owner was closed: its completions that wait say so.
    void cancel_waiting(std::uint64_t owner);
    /// Of the running turn; 0 outside.
    std::uint64_t turn_owner() const noexcept { return turn_owner_; }
    /// Operations that will complete by themselves (waiting for others does not count), completions in the queue included.
    std::size_t pending() const noexcept { return pending_; }

    // ---- turns ----
    void attach(runtime::Host& host);
    /// No completion comes any more; what the host owns is not touched again.
    void abandon();
    bool attached() const noexcept { return host_ != nullptr; }
    std::uint32_t incarnation() const noexcept { return incarnation_; }
    bool has_turns() const noexcept { return !queue_.empty(); }
    /// 1..n turns, then the end of the round.
    void run_round();
    template <class Turn>
    bool command(Turn&& turn) {
        begin_command();
        const bool whole = runtime::run_turn(*host_, {}, turn);
        end_round();
        return whole;
    }
    std::uint64_t turns() const noexcept { return turns_; }
    std::uint64_t broken_rules() const noexcept { return broken_rules_; }
    /// A rule of the seam that this node's host broke, found outside of its own turns.
    void report_broken_rule(const runtime::Tag& tag, const char* what);

    // ---- Clock ----
    Time mono_now() const noexcept override { return around_.timeline.now() + mono_ahead_; }
    WallTime wall_now() const noexcept override;
    void wake_at(Time when) override;
    /// Forward only.
    void jump_mono(Duration by);
    void jump_wall(Duration by) noexcept { wall_ahead_ = wall_ahead_ + by; }

    // ---- Entropy ----
    Prng stream(std::uint64_t entity, std::string_view purpose) override;
    void secret(MutableBytes out) override;

  private:
    struct Completion {
        runtime::Op* op = nullptr;  // nullptr: a wake-up, or forgotten
        std::uint64_t size = 0;
        std::uint64_t owner = 0;
        OpKind kind = OpKind::wake;
    };

    void on_event(const Event& event) override;
    void push(const Completion& completion);
    void run_turn(const Completion& completion);
    void mix(OpKind kind, const runtime::Tag& tag, Errc error, std::uint64_t size);
    void begin_command();
    void end_round();
    void queue_wake();
    void arm();

    NodeSurroundings around_;
    NodeId id_;
    std::string name_;
    runtime::Host* host_ = nullptr;
    std::uint32_t incarnation_ = 0;
    std::deque<Completion> queue_;
    std::size_t pending_ = 0;
    std::uint64_t turn_owner_ = 0;
    std::uint64_t turns_ = 0;
    std::uint64_t broken_rules_ = 0;
    bool running_ = false;
    Prng round_luck_;
    Prng secrets_;

    Duration mono_ahead_;
    Duration wall_ahead_;
    Time wanted_ = Time::never();  // of wake_at, monotonic
    Time armed_ = Time::never();   // of the event in the queue, world time
    bool wake_queued_ = false;
};

}  // namespace jst::runtime_sim
