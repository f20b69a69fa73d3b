#include "runtime_sim/timeline.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace jst::runtime_sim {
namespace {

// std heaps put the greatest first: "less" is "later".
bool later(const Event& a, const Event& b) noexcept { return a.when != b.when ? a.when > b.when : a.order > b.order; }

}  // namespace

void Timeline::schedule(Time when, EventSink& sink, std::uint32_t kind, std::uint64_t key, std::uint64_t value) {
    if (when.is_never()) return;
    heap_.push_back({when < now_ ? now_ : when, order_++, &sink, key, value, kind});
    std::push_heap(heap_.begin(), heap_.end(), later);
}

void Timeline::advance(Time when) {
    JST_CHECK(when >= now_ && when <= next_time(), "virtual time goes forward and skips no event");
    now_ = when;
}

void Timeline::fire_next() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    now_ = event.when;
    ++events_;
    event.sink->on_event(event);
}

}  // namespace jst::runtime_sim
