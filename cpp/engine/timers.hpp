// All timers of one engine in one queue with exact deadlines: idle things hold none and cost nothing.
//
// A timer is a member of what it wakes; setting, moving and cancelling cost O(log n) and allocate nothing once warm.
// Timers of one instant fire in the order in which they were set. Does not know clocks: `now` is an argument.
// Invariants: 1. a timer fires at most once for each set(); 2. a destroyed timer never fires; 3. next() is exact.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "runtime/op.hpp"

namespace jst::engine {

class TimerQueue;

class Timer {
  public:
    using Handler = void (*)(Timer& timer, Time now);

    Timer(TimerQueue& queue, Handler on_fire, void* owner) noexcept : queue_(queue), on_fire_(on_fire), owner_(owner) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }

    /// Replaces what was set. Time::never() cancels.
    void set(Time at);
    /// Only ever earlier than what is set.
    void set_sooner(Time at) {
        if (at < at_) set(at);
    }
    void cancel() noexcept;
    bool is_set() const noexcept { return slot_ != unset; }
    Time at() const noexcept { return at_; }
    template <class Owner>
    Owner& owner() const noexcept {
        return *static_cast<Owner*>(owner_);
    }

    runtime::Tag tag;       // which torrent a broken rule in it concerns
    std::uint64_t key = 0;  // the owner's

  private:
    friend class TimerQueue;
    static constexpr std::uint32_t unset = 0xFFFFFFFF;

    TimerQueue& queue_;
    Handler on_fire_;
    void* owner_;
    Time at_ = Time::never();
    std::uint64_t order_ = 0;
    std::uint32_t slot_ = unset;
};

class TimerQueue {
  public:
    Time next() const noexcept { return heap_.empty() ? Time::never() : heap_.front()->at_; }
    std::size_t size() const noexcept { return heap_.size(); }
    /// Takes the first timer that is due out of the queue; nullptr when none is.
    Timer* take_due(Time now) noexcept;
    static void fire(Timer& timer, Time now) { timer.on_fire_(timer, now); }

  private:
    friend class Timer;
    static bool before(const Timer& a, const Timer& b) noexcept {
        return a.at_ != b.at_ ? a.at_ < b.at_ : a.order_ < b.order_;
    }
    void put(Timer& timer, std::size_t slot) noexcept;
    void sift_up(std::size_t slot) noexcept;
    void sift_down(std::size_t slot) noexcept;
    void remove(Timer& timer) noexcept;

    std::vector<Timer*> heap_;
    std::uint64_t orders_ = 0;
};

}  // namespace jst::engine
