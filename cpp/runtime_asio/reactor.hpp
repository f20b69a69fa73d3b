// What has ended and waits for its turn, the clock of the turns, and the one place that sleeps (Asio's epoll).
//
// A Slot is the runtime's side of an operation of a socket: it can be dropped without looking at the operation, whose
// owner may be gone. Disk, hash and resolve operations wait in a list of their own, since they can not be dropped.
// 1. Nothing is delivered but by run_turns(); 2. both lists are first in, first out, and take turns; 3. a turn's
// completions come in a later round.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "runtime/runtime.hpp"

namespace jst::runtime_asio {

class Slot {
  public:
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    bool outstanding() const noexcept { return op_ != nullptr; }
    bool queued() const noexcept { return next_ != nullptr; }
    /// Takes an operation; JST_CHECK: it is not pending and none is outstanding here.
    void begin(runtime::Op& op);

  protected:
    ~Slot() { unlink(); }

  private:
    friend class Reactor;
    /// Results that must not be given to an operation before its turn.
    virtual void hand_over(runtime::Op& op) = 0;
    void unlink() noexcept;

    Slot* prev_ = nullptr;
    Slot* next_ = nullptr;
    runtime::Op* op_ = nullptr;
};

/// First in, first out, through Op::next. Can be filled by workers and taken whole.
class OpList {
  public:
    bool empty() const noexcept { return first_ == nullptr; }
    std::size_t size() const noexcept { return size_; }
    void push(runtime::Op& op) noexcept;
    runtime::Op* first() const noexcept { return first_; }
    runtime::Op* pop() noexcept;
    void append(OpList& other) noexcept;
    void clear() noexcept { *this = OpList{}; }

  private:
    runtime::Op* first_ = nullptr;
    runtime::Op* last_ = nullptr;
    std::size_t size_ = 0;
};

/// An eventfd that other threads ring; many rings cost one write. Shared, since a resolver may ring after the end.
class Bell {
  public:
    Bell();
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;
    ~Bell();
    void ring() noexcept;
    /// On the engine thread, before looking at what the ring was about.
    void answer() noexcept;
    int fd() const noexcept { return fd_; }

  private:
    int fd_;
    std::atomic<bool> rung_{false};
};

class Reactor final : public runtime::Clock {
  public:
    Reactor() : context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE), work_(boost::asio::make_work_guard(context_)) {}

    Time mono_now() const noexcept override { return now_; }
    WallTime wall_now() const noexcept override;
    void wake_at(Time when) override { wake_ = when; }

    /// Reads the clock; the turn that follows sees this time.
    Time refresh() noexcept;
    std::uint64_t turn() const noexcept { return turn_; }
    void next_turn() noexcept { ++turn_; }
    bool anything_ready() const noexcept { return !ready_empty() || !done_.empty(); }

    /// Gathers what the kernel has, waiting for at most `longest` when nothing is ready. Returns how long it waited.
    Duration poll(Duration longest);
    /// Runs the turns that are ready, the wake-up first; the number of them.
    int run_turns(runtime::Host& host, Duration longest);

    void finish(Slot& slot, Errc error) noexcept;
    /// Cancels what is outstanding, also when it waits for its turn already.
    void cancel(Slot& slot) noexcept;
    /// The owner is gone: no completion, and the operation is not looked at.
    static void forget(Slot& slot) noexcept;
    void finish(runtime::Op& op, Errc error) noexcept;
    /// Completions that carry their error already.
    void finish(OpList& ended) noexcept { done_.append(ended); }
    /// An operation outside any slot.
    static void begin(runtime::Op& op);

    void drop_everything() noexcept;
    boost::asio::io_context& context() noexcept { return context_; }

  private:
    class Ends final : public Slot {
      public:
        Ends() noexcept;

      private:
        void hand_over(runtime::Op&) override {}
    };
    bool ready_empty() const noexcept;
    void push(Slot& slot) noexcept;
    bool run_slot(runtime::Host& host);
    bool run_done(runtime::Host& host);

    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    Ends ready_;  // the head of a ring
    OpList done_;
    Time now_{};
    Time wake_ = Time::never();
    std::uint64_t turn_ = 0;
};

}  // namespace jst::runtime_asio
