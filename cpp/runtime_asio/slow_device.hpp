// Whether the engine's thread itself calls a device, or leaves it to the workers.
//
// The thread waits for slow calls for a fiftieth of its time at most. A little of that is granted in advance: one
// hiccup (a journal that is written out, say) is waited for where thousands of wakes would follow it, a disk that is
// slow is not.
#pragma once

#include <algorithm>

#include "base/time.hpp"

namespace jst::runtime_asio {

class SlowDevice {
  public:
    static constexpr int times = 50;  // a slow call is paid with so many times as long as it took:
    static constexpr int in_advance =
        10;  // so many calls that are just slow, together, are waited for before any is paid
    static constexpr Duration least = milliseconds(100);  // who is left to the workers is for so long,
    static constexpr Duration most = seconds(5);          // and no longer, however long the call took

    explicit SlowDevice(Duration slow_call) noexcept : slow_call_(slow_call) {}

    /// The engine's thread waited so long for a call that it need not have waited for otherwise.
    void on_call(Duration took, Time now) noexcept {
        if (took <= slow_call_) return;
        const Time granted{now.ns - (slow_call_ * in_advance * times).ns};
        paid_ = std::min(std::max(paid_, granted) + took * times, now + most);
        if (paid_ > now) until_ = std::max(paid_, now + least);
    }
    bool is_slow(Time now) const noexcept { return until_ > now; }

  private:
    Duration slow_call_;
    Time paid_;  // when all calls so far are paid for
    Time until_;
};

}  // namespace jst::runtime_asio
