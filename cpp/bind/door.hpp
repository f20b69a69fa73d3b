// The way from Python into an engine, whichever world it lives in; all that is above is written once.
//
// A *command* changes something and is a turn of the engine; a *query* only reads. ThreadDoor: an engine thread over
// sockets. WorldDoor: the calling thread is the engine thread, over a node of a simulated world.
// Called from Python threads with the GIL held; implementations release it while they wait.
#pragma once

#include <functional>
#include <optional>

#include "bind/outlet.hpp"

namespace jst::bind {

/// `again`: nothing happened yet; the caller looks at signals (Ctrl-C) and hooks, and comes back.
enum class Waited : std::uint8_t { raised, late, again };
/// `gone`: the engine has ended and the turn did not run.
enum class Ran : std::uint8_t { done, gone, broke };

class Door {
  public:
    using Turn = std::function<void(engine::Session&)>;

    Door() = default;
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;
    virtual ~Door() = default;

    virtual Ran command(Turn turn) = 0;
    virtual Ran query(Turn turn) = 0;
    /// Until the signal is raised, `deadline` (in the time of now()) has come, or some 100 ms of real time are over.
    /// `one_round`: come back after each round (with a thread of its own: after a few milliseconds).
    virtual Waited wait(Signal& signal, std::optional<Time> deadline, bool one_round) = 0;
    virtual Time now() const = 0;
    /// Whether an asyncio loop may wait: false where time moves only in the calling thread.
    virtual bool has_own_thread() const noexcept = 0;
    /// A gate of a laboratory crashed it; it ends when it is looked at.
    virtual bool has_crashed() const = 0;
    /// Of a laboratory: no more sockets than so many; 0 is no limit but the machine's.
    virtual void limit_sockets(std::size_t most) = 0;
    /// Ends the engine whatever it is doing: keeps the remains, abandons the runtime. Safe twice. True when the session
    /// had closed, and cleanly. `are_removed`: its torrents answer as removed from now on.
    virtual bool shut(bool are_removed) = 0;
};

}  // namespace jst::bind
