// One inhabitant of a world: its clocks, its luck, and the queue of completions that wait to become turns.
//
// Every operation of every kind is announced through submitted() and handed back through finished(): the one place
// where a gate can observe, hold or fail it. Completions become turns in the order in which they were finished.
// Invariants: 1. on_done is called only from run_round(), never while something else of the node runs; 2. exactly one
// turn per submitted operation, none after abandon(); 3. each turn is mixed into the fingerprint before it runs.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/prng.hpp"
#include "runtime/runtime.hpp"
#include "runtime_sim/fingerprint.hpp"
#include "runtime_sim/ledger.hpp"
#include "runtime_sim/op_kind.hpp"
#include "runtime_sim/timeline.hpp"

namespace jst::runtime_sim {

/// What the parts of a world share.
struct Commons {
    explicit Commons(std::uint64_t s) : seed(s), fingerprint(s) {}

    std::uint64_t seed;
    Timeline timeline;
    Fingerprint fingerprint;
    std::vector<NodeId> ready;  // nodes that have turns to run (or had: then they are passed over)
    std::uint64_t pending = 0;  // operations of all nodes that will complete by themselves
    std::uint64_t moving = 0;   // packets on their way
};

/// The most wake-ups of one node in one instant, without anything else in between: more is a host that never lets time
/// pass.
inline constexpr std::uint32_t max_wakes_in_a_row = 10'000;

class Node final : public runtime::Clock, public runtime::Entropy, private EventSink {
  public:
    Node(Commons& commons, NodeId id, std::string_view name);
    Node(const Node&) = delete;

    NodeId id() const noexcept { return id_; }
    const std::string& name() const noexcept { return name_; }
    /// A tracker or the like: what is said to it is no word to a peer, and stands apart in the books.
    void be_service() noexcept { is_service_ = true; }
    bool is_service() const noexcept { return is_service_; }

    // ---- operations ----
    /// False when the node was abandoned: the operation is dropped.
    bool submitted(runtime::Op& op, OpKind kind);
    /// `owner`: the stream, listener or socket that the operation belongs to, 0 for none. `size` is for the
    /// fingerprint.
    /// Returns the number of the completion.
    std::uint64_t finished(runtime::Op& op, OpKind kind, Errc error, std::uint64_t size = 0, std::uint64_t owner = 0,
                           bool to_service = false);
    /// Whether the turn of that completion has not begun. 0: none was.
    bool is_queued(std::uint64_t completion) const noexcept { return completion > begun_; }
    /// The same, and the host learns in that turn that it broke a rule: error is Errc::internal.
    void finished_broken(runtime::Op& op, OpKind kind, const char* what);
    /// The owner was dropped: its completions that wait are never delivered.
    void forget(std::uint64_t owner);
    /// An operation that is outstanding will never be finished: its owner was dropped.
    void dropped(OpKind kind) noexcept { count_pending(kind, -1); }
    /// The owner was closed or cancelled: its completions that wait say so.
    void cancel_waiting(std::uint64_t owner);
    /// Of the running turn; 0 outside.
    std::uint64_t turn_owner() const noexcept { return turn_owner_; }

    // ---- turns ----
    /// The node is up: operations are taken; their completions wait for a host.
    void start() noexcept { up_ = true; }
    void attach(runtime::Host& host);
    /// No completion comes any more; what the host owns is not touched again.
    void abandon();
    bool attached() const noexcept { return host_ != nullptr; }
    bool up() const noexcept { return up_; }
    std::uint32_t incarnation() const noexcept { return incarnation_; }
    bool has_turns() const noexcept { return host_ != nullptr && !queue_.empty(); }
    /// The world took the node out of Commons::ready.
    void unlisted() noexcept { listed_ = false; }
    /// 1..n turns, then the end of the round.
    void run_round();
    template <class Turn>
    bool command(Turn&& turn) {
        begin_command();
        const Running running(running_);
        const Running command(in_command_);
        const bool whole = guarded({}, turn);
        end_round();
        return whole;
    }
    /// Inside of a turn.
    bool running() const noexcept { return running_; }
    std::uint64_t turns() const noexcept { return turns_; }
    std::uint64_t broken_rules() const noexcept { return broken_rules_; }
    /// Inside of a command: what happens is the user's wish.
    bool in_command() const noexcept { return in_command_; }
    Ledger& ledger() noexcept { return ledger_; }

    // ---- Clock ----
    Time mono_now() const noexcept override { return commons_.timeline.now() + mono_ahead_; }
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
        const char* broken = nullptr;
        bool to_service = false;
    };

    // Also ends when a host throws what is not ours to catch.
    struct Running {
        explicit Running(bool& f) noexcept : flag(f) { flag = true; }
        Running(const Running&) = delete;
        ~Running() { flag = false; }
        bool& flag;
    };

    template <class Turn>
    bool guarded(const runtime::Tag& tag, Turn&& turn) {
        const bool whole = runtime::run_turn(*host_, tag, turn);
        if (!whole) ++broken_rules_;
        return whole;
    }
    void on_event(const Event& event) override;
    void list();
    std::uint64_t push(const Completion& completion);
    void run_turn(const Completion& completion);
    void record(OpKind kind, const runtime::Tag& tag, Errc error, std::uint64_t size);
    void begin_command();
    void end_round();
    void count_pending(OpKind kind, std::int64_t by) noexcept;
    void queue_wake();
    void count_wake();
    void arm();

    Commons& commons_;
    NodeId id_;
    std::string name_;
    runtime::Host* host_ = nullptr;
    std::uint32_t incarnation_ = 0;
    std::deque<Completion> queue_;
    std::uint64_t begun_ = 0;  // completions whose turn has begun, or that were dropped
    std::uint64_t pending_ = 0;
    std::uint64_t turn_owner_ = 0;
    std::uint64_t turns_ = 0;
    std::uint64_t broken_rules_ = 0;
    bool running_ = false;
    bool up_ = true;
    bool listed_ = false;
    bool is_service_ = false;
    Prng round_luck_;
    Prng secrets_;

    Duration mono_ahead_;
    Duration wall_ahead_;
    Time wanted_ = Time::never();  // of wake_at, monotonic
    Time armed_ = Time::never();   // of the event in the queue, world time
    bool wake_queued_ = false;
    bool in_command_ = false;
    std::uint32_t wakes_in_a_row_ = 0;  // at woken_at_, and nothing else happened to the node
    Time woken_at_ = Time::never();
    Ledger ledger_;
};

}  // namespace jst::runtime_sim
