// What a runtime drives: an engine. And the turn boundary, the one place where a broken rule is caught.
//
// A *turn* handles one completion, wake-up or command. A *round* is the turns that were ready together: runtime_asio
// takes one poll of at most max_turns_per_round; runtime_sim takes 1..n turns of one instant, the seed choosing where
// rounds end. on_round_end() is where the engine flushes writes, hash lanes and events. Completions that it causes come
// in later rounds.
#pragma once

#include <new>

#include "base/check.hpp"
#include "base/time.hpp"
#include "runtime/op.hpp"

namespace jst::runtime {

inline constexpr int max_turns_per_round = 64;

class Host {
  public:
    virtual ~Host() = default;
    /// The time given to Clock::wake_at has come.
    virtual void on_wake(Time now) = 0;
    virtual void on_round_end(Time now) = 0;
    /// A JST_CHECK failed or memory ran out in a turn for `tag`: stop that torrent (or everything when it names none).
    virtual void on_broken_rule(const Tag& tag, const char* what) noexcept = 0;
};

/// Runs one turn; false when it broke a rule.
template <class Turn>
bool run_turn(Host& host, const Tag& tag, Turn&& turn) {
    try {
        turn();
        return true;
    } catch (const BrokenRule& broken) {
        host.on_broken_rule(tag, broken.what());
    } catch (const std::bad_alloc&) {
        host.on_broken_rule(tag, "memory is exhausted");
    }
    return false;
}

/// Delivers a completion: marks it done first, so that the handler may submit the same object again.
inline bool complete(Host& host, Op& op, Time now) {
    op.pending = false;
    const Tag tag = op.tag;
    return run_turn(host, tag, [&] { op.on_done(op, now); });
}

}  // namespace jst::runtime
