// Time as 64-bit nanoseconds. Deliberately without now(): time is an argument, read once per turn from the runtime.
//
// `Time` is monotonic since an arbitrary start and never negative; `WallTime` is nanoseconds since 1970 and may jump.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace jst {

struct Duration {
    std::int64_t ns = 0;

    constexpr double seconds() const noexcept { return static_cast<double>(ns) / 1e9; }
    friend constexpr auto operator<=>(Duration, Duration) noexcept = default;
    friend constexpr Duration operator+(Duration a, Duration b) noexcept { return {a.ns + b.ns}; }
    friend constexpr Duration operator-(Duration a, Duration b) noexcept { return {a.ns - b.ns}; }
    friend constexpr Duration operator*(Duration a, std::int64_t n) noexcept { return {a.ns * n}; }
    friend constexpr Duration operator/(Duration a, std::int64_t n) noexcept { return {a.ns / n}; }
};

/// What is added to any time is never().
inline constexpr Duration for_good{std::numeric_limits<std::int64_t>::max()};

constexpr Duration nanoseconds(std::int64_t n) noexcept { return {n}; }
constexpr Duration microseconds(std::int64_t n) noexcept { return {n * 1'000}; }
constexpr Duration milliseconds(std::int64_t n) noexcept { return {n * 1'000'000}; }
constexpr Duration seconds(std::int64_t n) noexcept { return {n * 1'000'000'000}; }
/// Rounded to the nearest nanosecond and clamped to the range of Duration (about 292 years).
constexpr Duration from_seconds(double s) noexcept {
    constexpr double most = 9.2e9;
    const double clamped = s > most ? most : (s < -most ? -most : s);
    return {static_cast<std::int64_t>(clamped * 1e9 + (clamped < 0 ? -0.5 : 0.5))};
}

struct Time {
    std::int64_t ns = 0;

    static constexpr Time never() noexcept { return {std::numeric_limits<std::int64_t>::max()}; }
    constexpr bool is_never() const noexcept { return ns == std::numeric_limits<std::int64_t>::max(); }
    constexpr double seconds() const noexcept { return static_cast<double>(ns) / 1e9; }
    friend constexpr auto operator<=>(Time, Time) noexcept = default;
    friend constexpr Duration operator-(Time a, Time b) noexcept { return {a.ns - b.ns}; }
    /// Saturates at never().
    friend constexpr Time operator+(Time t, Duration d) noexcept {
        if (d.ns > 0 && t.ns > std::numeric_limits<std::int64_t>::max() - d.ns) return never();
        return {t.ns + d.ns};
    }
};

struct WallTime {
    std::int64_t ns = 0;

    constexpr std::int64_t unix_seconds() const noexcept { return ns / 1'000'000'000; }
    constexpr double seconds() const noexcept { return static_cast<double>(ns) / 1e9; }
    friend constexpr auto operator<=>(WallTime, WallTime) noexcept = default;
};

}  // namespace jst
