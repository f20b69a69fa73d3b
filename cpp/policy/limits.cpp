#include "policy/limits.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "base/planted.hpp"

namespace jst::policy {
namespace {

constexpr std::int64_t us_per_second = 1'000'000;
// Bounds what can be charged in advance, so that sums stay within 64 bits.
constexpr std::int64_t deepest_debt = 1'000'000'000'000;

}  // namespace

void RateLimit::set_rate(std::optional<std::uint64_t> bytes_per_second, Time now) noexcept {
    refill(now);
    limited_ = bytes_per_second.has_value() && *bytes_per_second <= fastest;
    rate_ = limited_ ? *bytes_per_second * (planted<Plant::rate_too_high>() ? 8 : 1) : 0;
    tokens_ = limited_ ? std::clamp<std::int64_t>(tokens_, 0, static_cast<std::int64_t>(burst())) : 0;
    remainder_ = 0;
    refilled_us_ = now.ns / 1000;
}

void RateLimit::refill(Time now) noexcept {
    const std::int64_t now_us = now.ns / 1000;
    const std::int64_t elapsed = now_us - refilled_us_;
    if (!limited_ || elapsed <= 0) return;
    refilled_us_ = now_us;
    if (rate_ == 0) return;
    const auto full = static_cast<std::int64_t>(burst());
    const auto lacking = static_cast<std::uint64_t>(std::max<std::int64_t>(full - tokens_, 0));
    const std::uint64_t until_full = lacking * us_per_second / rate_ + 1;
    if (static_cast<std::uint64_t>(elapsed) >= until_full) {
        tokens_ = full;
        remainder_ = 0;
        return;
    }
    const std::uint64_t gained = static_cast<std::uint64_t>(elapsed) * rate_ + remainder_;
    tokens_ += static_cast<std::int64_t>(gained / us_per_second);
    remainder_ = gained % us_per_second;
}

std::uint64_t RateLimit::available(Time now) noexcept {
    if (!limited_) return UINT64_MAX;
    refill(now);
    return static_cast<std::uint64_t>(std::max<std::int64_t>(tokens_, 0));
}

std::uint64_t RateLimit::take(std::uint64_t n, Time now) noexcept {
    const std::uint64_t granted = std::min(n, available(now));
    if (limited_) tokens_ -= static_cast<std::int64_t>(granted);
    return granted;
}

void RateLimit::give_back(std::uint64_t n) noexcept {
    if (!limited_) return;
    const auto back = static_cast<std::int64_t>(std::min<std::uint64_t>(n, fastest));
    tokens_ = std::min(tokens_ + back, static_cast<std::int64_t>(burst()));
}

void RateLimit::charge(std::uint64_t n, Time now) noexcept {
    if (!limited_) return;
    refill(now);
    const auto charged =
        static_cast<std::int64_t>(std::min<std::uint64_t>(n, static_cast<std::uint64_t>(deepest_debt)));
    tokens_ = std::max(tokens_ - charged, -deepest_debt);
}

Time RateLimit::deadline(std::uint64_t n, Time now) noexcept {
    if (!limited_ || n == 0) return now;
    if (rate_ == 0) return Time::never();
    refill(now);
    const auto wanted = static_cast<std::int64_t>(std::min(n, burst()));
    if (tokens_ >= wanted) return now;
    const std::uint64_t lacking = static_cast<std::uint64_t>(wanted - tokens_) * us_per_second - remainder_;
    const auto us = static_cast<std::int64_t>((lacking + rate_ - 1) / rate_);
    return Time{(refilled_us_ + us) * 1000};
}

std::uint64_t take_both(RateLimit& a, RateLimit& b, std::uint64_t n, Time now) noexcept {
    const std::uint64_t granted = std::min({n, a.available(now), b.available(now)});
    a.take(granted, now);
    b.take(granted, now);
    return granted;
}

Time deadline_both(RateLimit& a, RateLimit& b, std::uint64_t n, Time now) noexcept {
    return std::max(a.deadline(n, now), b.deadline(n, now));
}

Duration behind_others(Duration waited) noexcept {
    const Duration counted = std::clamp(waited, Duration{}, longest_wait);
    return nanoseconds(most_behind.ns - counted.ns / (longest_wait.ns / most_behind.ns));
}

std::uint32_t blocks_within(const RateLimit& limit, Duration time) noexcept {
    if (!limit.is_limited()) return UINT32_MAX;
    const std::uint64_t blocks = limit.rate() * static_cast<std::uint64_t>(time.ns / seconds(1).ns) / block_size;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(blocks, 1, UINT32_MAX));
}

}  // namespace jst::policy
