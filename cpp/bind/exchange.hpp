// What the engine thread and Python threads share: one mutex, one condition, and the flags that are raised under them.
//
// A Signal is something that may be waited for: a command answered, an event in a stream, a condition that holds. It is
// raised on the engine thread and looked at by anyone; an asyncio loop hears of it through its LoopGate.
// Invariants: 1. every Signal of one Exchange is read and written under its mutex; 2. in a forked child nothing here is
// touched any more: the mutex may be held by a thread that the child does not have; 3. no Python object is touched.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "bind/loop_gate.hpp"

namespace jst::bind {

class Exchange {
  public:
    /// Never destroyed in a forked child: destroying a condition waits for waiters that the child does not have.
    static std::shared_ptr<Exchange> make();

    using Lock = std::unique_lock<std::mutex>;

    Lock lock() { return Lock(mutex_); }
    /// True in a child of the process that made it.
    bool is_forked() const noexcept;
    /// Raises Error("forked") in such a child; call it with the GIL held, before anything else.
    void check_process() const;
    std::condition_variable& changed() noexcept { return changed_; }

  private:
    Exchange();

    std::mutex mutex_;
    std::condition_variable changed_;
    pid_t process_;
};

class Signal {
  public:
    explicit Signal(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    virtual ~Signal() = default;

    Exchange& exchange() const noexcept { return *exchange_; }

    // -- under the mutex
    bool is_raised() const noexcept { return raised_; }
    void raise();
    void lower() noexcept { raised_ = false; }

    // -- from Python
    /// From now on raising says `token` at the gate; at once when it is raised already.
    void attach(std::shared_ptr<LoopGate> gate, std::uint64_t token);
    void detach();

  private:
    std::shared_ptr<Exchange> exchange_;
    std::shared_ptr<LoopGate> gate_;
    std::uint64_t token_ = 0;
    bool raised_ = false;
};

}  // namespace jst::bind
