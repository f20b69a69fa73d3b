// Virtual time and the one queue of everything that is due in a world.
//
// Events are ordered by (time, order of scheduling). An event names what it concerns by a key, never by a pointer into
// something that may be gone: a dead key finds nothing and the event is void.
// Invariants: 1. time never goes back; 2. nothing is scheduled before now(); 3. an empty queue costs nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.hpp"

namespace jst::runtime_sim {

struct Event;

class EventSink {
  public:
    virtual void on_event(const Event& event) = 0;

  protected:
    ~EventSink() = default;
};

struct Event {
    Time when;
    std::uint64_t order = 0;
    EventSink* sink = nullptr;
    std::uint64_t key = 0;
    std::uint64_t value = 0;
    std::uint32_t kind = 0;  // the sink's own
};

class Timeline {
  public:
    Time now() const noexcept { return now_; }
    /// Time of the next event, or never.
    Time next_time() const noexcept { return heap_.empty() ? Time::never() : heap_.front().when; }
    void schedule(Time when, EventSink& sink, std::uint32_t kind, std::uint64_t key, std::uint64_t value = 0);
    /// Moves time to `when`, which no event may precede.
    void advance(Time when);
    /// Takes the next event out and lets its sink handle it; now() is its time.
    void fire_next();
    std::uint64_t events() const noexcept { return events_; }

  private:
    std::vector<Event> heap_;
    Time now_;
    std::uint64_t order_ = 0;
    std::uint64_t events_ = 0;
};

}  // namespace jst::runtime_sim
