// Rate limits (a token bucket in integers) and count limits (none, or at most n).
//
// A bucket holds at most half a second's worth, so a burst is bounded and a change of rate takes effect at once; bytes
// and not blocks are granted, so 1 B/s works. Invariants: 1. over any time t at most burst + rate x t is granted; 2.
// nothing is lost by asking often: the remainder is kept; 3. no limit grants everything and never sets a deadline.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"

namespace jst::policy {

class RateLimit {
  public:
    /// Faster is no limit (keeps the arithmetic within 64 bits).
    static constexpr std::uint64_t fastest = 1'000'000'000'000;

    RateLimit() noexcept = default;
    explicit RateLimit(std::optional<std::uint64_t> bytes_per_second, Time now = {}) noexcept {
        set_rate(bytes_per_second, now);
    }

    /// None: no limit. 0: nothing passes.
    void set_rate(std::optional<std::uint64_t> bytes_per_second, Time now) noexcept;
    bool is_limited() const noexcept { return limited_; }
    /// Limited to 0.
    bool bars() const noexcept { return limited_ && rate_ == 0; }
    std::uint64_t rate() const noexcept { return rate_; }
    std::uint64_t burst() const noexcept { return rate_ / 2 > 0 ? rate_ / 2 : (rate_ > 0 ? 1 : 0); }

    std::uint64_t available(Time now) noexcept;
    /// Grants up to n bytes.
    std::uint64_t take(std::uint64_t n, Time now) noexcept;
    /// What was granted and not used.
    void give_back(std::uint64_t n) noexcept;
    /// Passed without asking (could not be held back): paid for later.
    void charge(std::uint64_t n, Time now) noexcept;
    /// When n bytes (at most a burst) will be there; now when they are; never at rate 0.
    Time deadline(std::uint64_t n, Time now) noexcept;

  private:
    void refill(Time now) noexcept;

    bool limited_ = false;
    std::uint64_t rate_ = 0;
    std::int64_t tokens_ = 0;      // below 0: charged in advance
    std::uint64_t remainder_ = 0;  // of a byte, in millionths
    std::int64_t refilled_us_ = 0;
};

/// From both, or only what both allow: a torrent's limit under the session's.
std::uint64_t take_both(RateLimit& a, RateLimit& b, std::uint64_t n, Time now) noexcept;
Time deadline_both(RateLimit& a, RateLimit& b, std::uint64_t n, Time now) noexcept;

/// Of those that wait for a line that is used up one goes on when so much may pass, not for the crumbs that another
/// left: who took those would come behind it again, and so for ever. And waking for every byte would cost more than it
/// brings.
inline constexpr std::uint64_t gulp = 4 * 16384;
/// How much later than at that moment each of them goes on: who has waited for longer comes first.
inline constexpr Duration most_behind = milliseconds(1);
inline constexpr Duration longest_wait = seconds(60);
Duration behind_others(Duration waited) noexcept;

/// A peer is asked for no more than a limited line carries in this time. What is asked for and not read lies in the
/// queues of those who send it: it expires here, and after a while they take us for gone.
inline constexpr Duration asked_ahead = seconds(2);
/// The blocks that pass in that time, at least one; UINT32_MAX without a limit.
std::uint32_t blocks_within(const RateLimit& limit, Duration time) noexcept;

/// "At most n", exact at n and n+1; none is no limit.
struct CountLimit {
    std::optional<std::uint64_t> most;

    constexpr bool admits_one_more(std::uint64_t count) const noexcept { return !most || count < *most; }
    constexpr std::uint64_t room(std::uint64_t count) const noexcept {
        if (!most) return UINT64_MAX;
        return count < *most ? *most - count : 0;
    }
    /// How many are too many (the limit was lowered).
    constexpr std::uint64_t excess(std::uint64_t count) const noexcept {
        return most && count > *most ? count - *most : 0;
    }
};

}  // namespace jst::policy
