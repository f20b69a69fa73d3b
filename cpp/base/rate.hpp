// How fast something flows, in integers: a sliding window of one-second buckets.
//
// Costs nothing while nothing flows: buckets are aged by the time of the next call, no tick needed.
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"

namespace jst {

class RateMeter {
  public:
    static constexpr std::int64_t window_seconds = 5;

    void add(std::uint64_t bytes, Time now) noexcept;
    /// Bytes per second over the window, or over the time since the first byte when that is shorter.
    std::uint64_t per_second(Time now) const noexcept;
    void reset() noexcept { *this = RateMeter{}; }

  private:
    void age(std::int64_t second) noexcept;

    std::array<std::uint64_t, window_seconds> buckets_{};
    std::uint64_t sum_ = 0;
    std::int64_t newest_ = -1;  // the second of the newest bucket
    Time since_{-1};            // the first byte after silence
};

}  // namespace jst
