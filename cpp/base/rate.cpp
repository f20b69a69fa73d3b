#include "base/rate.hpp"

#include <algorithm>

namespace jst {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

void RateMeter::age(std::int64_t second) noexcept {
    if (newest_ < 0 || second - newest_ >= window_seconds) {
        buckets_.fill(0);
        sum_ = 0;
        newest_ = second;
        return;
    }
    while (newest_ < second) {
        auto& oldest = buckets_[static_cast<std::size_t>(++newest_ % window_seconds)];
        sum_ -= oldest;
        oldest = 0;
    }
}

void RateMeter::add(std::uint64_t bytes, Time now) noexcept {
    age(now.ns / second_ns);
    if (sum_ == 0) since_ = now;
    buckets_[static_cast<std::size_t>(newest_ % window_seconds)] += bytes;
    sum_ += bytes;
}

std::uint64_t RateMeter::per_second(Time now) const noexcept {
    RateMeter aged = *this;
    aged.age(now.ns / second_ns);
    if (aged.sum_ == 0) return 0;
    const std::int64_t window = (window_seconds - 1) * second_ns + now.ns % second_ns;
    const std::int64_t span = std::clamp<std::int64_t>(now.ns - since_.ns, second_ns, std::max(window, second_ns));
    return aged.sum_ * 1'000'000 / static_cast<std::uint64_t>(span / 1000);
}

}  // namespace jst
