#include "policy/pace.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace jst::policy {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

std::uint64_t times(std::uint64_t n, std::uint64_t factor) noexcept { return n > most / factor ? most : n * factor; }

std::uint64_t per_second(std::uint64_t bytes, Duration span) noexcept {
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(1, span.ns / 1'000'000));
    return times(bytes, 1000) / ms;
}

}  // namespace

void Pace::begin(Time now, std::uint64_t moved) noexcept {
    measured_ = true;
    slow_ = false;
    since_ = now;
    moved_ = moved;
}

bool Pace::judge(const PaceLimits& limits, Time now, std::uint64_t moved) noexcept {
    if (now < due(limits)) return false;
    const std::uint64_t rate = per_second(moved - std::min(moved, moved_), now - since_);
    since_ = now;
    moved_ = moved;
    const bool slow = rate < (slow_ ? times(limits.rate, recovery_factor) : limits.rate);
    return std::exchange(slow_, slow) != slow;
}

}  // namespace jst::policy
