// What one peer was asked for and has not answered, in the order of asking, and which of it is overdue.
//
// A request is timed from when the peer should be working on it: when it is the oldest one, or when the peer answered a
// younger one before it. So a deep queue of a slow but steady peer never expires, and a block that is left out does.
// Invariants: 1. requests that are due form a prefix, and their due moments never fall; 2. the oldest one is due.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace jst::policy {

struct Request {
    Block block;
    Time sent;
    Time due = Time::never();  // timed from here; never: the peer works on older ones
};

class RequestQueue {
  public:
    std::span<const Request> view() const noexcept { return std::span<const Request>(items_).subspan(head_); }
    std::size_t size() const noexcept { return items_.size() - head_; }
    bool empty() const noexcept { return size() == 0; }

    void push(const Block& block, Time now);
    std::optional<std::size_t> find(const Block& block) const noexcept;
    /// Taken out because the peer answered it: what it passed over becomes due.
    Request answered(std::size_t index, Time now);
    /// Taken out for a reason of ours: the peer gains no time by it.
    Request dropped(std::size_t index);
    /// When the next request expires; never when nothing is out.
    Time deadline(Duration timeout) const noexcept { return empty() ? Time::never() : items_[head_].due + timeout; }
    /// How many of the oldest have expired: the overdue ones; with no answer for the whole time-out, all that were sent
    /// that long ago.
    std::size_t expired(Time now, Duration timeout) const noexcept;
    void clear() noexcept;

  private:
    Request remove(std::size_t index);

    std::vector<Request> items_;
    std::size_t head_ = 0;
    Time answered_at_{-1};
};

}  // namespace jst::policy
