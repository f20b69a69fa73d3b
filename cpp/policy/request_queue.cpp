#include "policy/request_queue.hpp"

#include <algorithm>

namespace jst::policy {

void RequestQueue::push(const Block& block, Time now) { items_.push_back({block, now, empty() ? now : Time::never()}); }

std::optional<std::size_t> RequestQueue::find(const Block& block) const noexcept {
    const auto all = view();
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].block == block) return i;
    return std::nullopt;
}

Request RequestQueue::answered(std::size_t index, Time now) {
    for (std::size_t i = index; i-- > 0;) {
        auto& passed_over = items_[head_ + i];
        if (!passed_over.due.is_never()) break;
        passed_over.due = now;
    }
    answered_at_ = now;
    return remove(index);
}

Request RequestQueue::dropped(std::size_t index) { return remove(index); }

Request RequestQueue::remove(std::size_t index) {
    const Request gone = items_[head_ + index];
    if (index == 0) {
        ++head_;
    } else {
        items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(head_ + index));
    }
    if (empty()) {
        items_.clear();
        head_ = 0;
        return gone;
    }
    if (head_ > items_.size() / 2) {
        items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    auto& oldest = items_[head_];
    if (oldest.due.is_never()) oldest.due = std::max(oldest.sent, answered_at_);
    return gone;
}

std::size_t RequestQueue::expired(Time now, Duration timeout) const noexcept {
    const auto all = view();
    std::size_t n = 0;
    while (n < all.size() && all[n].due + timeout <= now) ++n;
    const bool silent = answered_at_.ns < 0 || answered_at_ + timeout <= now;
    if (n > 0 && silent)
        while (n < all.size() && all[n].sent + timeout <= now) ++n;
    return n;
}

void RequestQueue::clear() noexcept {
    items_.clear();
    head_ = 0;
    answered_at_ = Time{-1};
}

}  // namespace jst::policy
