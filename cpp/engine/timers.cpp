#include "engine/timers.hpp"

#include "base/planted.hpp"

namespace jst::engine {

void Timer::set(Time at) {
    if (at.is_never()) return cancel();
    if (is_set() && at == at_) return;
    cancel();
    if (planted<Plant::timer_32_bit>()) at = Time{at.ns / 1'000'000 % (std::int64_t{1} << 32) * 1'000'000};
    queue_.heap_.push_back(this);  // may throw: then it is not set
    at_ = at;
    order_ = ++queue_.orders_;
    slot_ = static_cast<std::uint32_t>(queue_.heap_.size() - 1);
    queue_.sift_up(slot_);
}

void Timer::cancel() noexcept {
    if (is_set()) queue_.remove(*this);
    at_ = Time::never();
}

Timer* TimerQueue::take_due(Time now) noexcept {
    if (heap_.empty() || now < heap_.front()->at_) return nullptr;
    Timer& due = *heap_.front();
    due.cancel();
    return &due;
}

void TimerQueue::put(Timer& timer, std::size_t slot) noexcept {
    heap_[slot] = &timer;
    timer.slot_ = static_cast<std::uint32_t>(slot);
}

void TimerQueue::sift_up(std::size_t slot) noexcept {
    Timer& timer = *heap_[slot];
    while (slot > 0) {
        const std::size_t parent = (slot - 1) / 2;
        if (!before(timer, *heap_[parent])) break;
        put(*heap_[parent], slot);
        slot = parent;
    }
    put(timer, slot);
}

void TimerQueue::sift_down(std::size_t slot) noexcept {
    Timer& timer = *heap_[slot];
    for (std::size_t child; (child = 2 * slot + 1) < heap_.size(); slot = child) {
        if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
        if (!before(*heap_[child], timer)) break;
        put(*heap_[child], slot);
    }
    put(timer, slot);
}

void TimerQueue::remove(Timer& timer) noexcept {
    const std::size_t slot = timer.slot_;
    timer.slot_ = Timer::unset;
    Timer& last = *heap_.back();
    heap_.pop_back();
    if (&last == &timer) return;
    put(last, slot);
    sift_up(slot);
    sift_down(last.slot_);
}

}  // namespace jst::engine
