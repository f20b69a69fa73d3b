// Whether a torrent moves enough to hold its place in the queue, or only sits on it.
//
// Payload is measured over spans of `span` that follow each other, from the moment that it gets its place. Who moved
// less than `rate` in one of them is slow; who is slow has to reach twice the rate to count again, so that nobody who
// moves about as fast as the rate changes sides each time. Does not know which payload counts. Invariant: is_slow()
// changes at most once in a span.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace jst::policy {

/// How much faster than the limit a slow torrent must be to count again.
inline constexpr std::uint64_t recovery_factor = 2;

struct PaceLimits {
    std::uint64_t rate = 0;  // bytes per second; 0: nobody is slow
    Duration span;
};

class Pace {
  public:
    void begin(Time now, std::uint64_t moved) noexcept;
    void end() noexcept { *this = {}; }
    bool is_measured() const noexcept { return measured_; }
    bool is_slow() const noexcept { return slow_; }
    /// When judge() has something to say next.
    Time due(const PaceLimits& limits) const noexcept { return measured_ ? since_ + limits.span : Time::never(); }
    /// True when is_slow() changed.
    bool judge(const PaceLimits& limits, Time now, std::uint64_t moved) noexcept;

  private:
    bool measured_ = false;
    bool slow_ = false;
    Time since_;
    std::uint64_t moved_ = 0;
};

}  // namespace jst::policy
