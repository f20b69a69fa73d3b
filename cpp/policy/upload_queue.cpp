#include "policy/upload_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/effort.hpp"
#include "base/prng.hpp"

namespace jst::policy {
namespace {

constexpr std::size_t least_buckets = 64;

}  // namespace

UploadQueue::UploadQueue(std::uint64_t secret) noexcept
    : of_piece_(mix(secret, 1) | 1), of_begin_(mix(secret, 2) | 1), of_length_(mix(secret, 3) | 1) {}

// The high bits of a sum of secret multiples: no two blocks are likelier than chance to meet.
std::size_t UploadQueue::bucket(const Block& block) const noexcept {
    const std::uint64_t sum = of_piece_ * block.piece.value + of_begin_ * block.begin + of_length_ * block.length;
    return static_cast<std::size_t>(sum >> 32) & (newest_.size() - 1);
}

// Numbers may be of what is no more, or by now of another item: only older ones are believed, so that each walk ends.
std::optional<std::size_t> UploadQueue::find(const Block& block, std::size_t which) const noexcept {
    std::size_t end = items_.size();
    for (std::size_t at = newest_[which] - first_; at < end && at >= head_; at = items_[at].older - first_) {
        effort();
        if (items_[at].block == block) return at;
        end = at;
    }
    return std::nullopt;
}

bool UploadQueue::push(const Block& block) {
    if (items_.size() == newest_.size()) make_room();
    const std::size_t which = bucket(block);
    if (find(block, which)) return false;
    auto& newest = newest_[which];
    items_.push_back({block, newest});
    newest = first_ + static_cast<std::uint32_t>(items_.size() - 1);
    ++size_;
    return true;
}

// Every item is looked at, once for half as many that were pushed.
void UploadQueue::make_room() {
    effort(items_.size());
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
    std::erase_if(items_, [](const Item& item) { return item.block.length == 0; });
    head_ = 0;
    if (newest_.empty() || size_ > newest_.size() / 2) {
        newest_.resize(std::max(least_buckets, 2 * newest_.size()));
        items_.reserve(newest_.size());
    }
    std::fill(newest_.begin(), newest_.end(), first_ - 1);
    for (std::size_t i = 0; i < items_.size(); ++i) {
        auto& newest = newest_[bucket(items_[i].block)];
        items_[i].older = std::exchange(newest, first_ + static_cast<std::uint32_t>(i));
    }
}

void UploadQueue::put_back(std::span<const Block> blocks) {
    if (blocks.empty()) return;
    std::vector<Block> all(blocks.begin(), blocks.end());
    for (; !empty(); pop_front()) all.push_back(front());
    for (const Block& block : all) push(block);
}

void UploadQueue::pop_front() noexcept {
    ++head_;
    --size_;
    skip_gone();
}

bool UploadQueue::take(const Block& block) noexcept {
    const auto at = size_ > 0 ? find(block, bucket(block)) : std::nullopt;
    if (!at) return false;
    items_[*at].block.length = 0;
    --size_;
    if (*at == head_) skip_gone();
    return true;
}

// What is empty begins anew with other numbers.
void UploadQueue::skip_gone() noexcept {
    while (head_ < items_.size() && items_[head_].block.length == 0) ++head_;
    if (size_ > 0) return;
    first_ += static_cast<std::uint32_t>(items_.size());
    items_.clear();
    head_ = 0;
}

void UploadQueue::clear() noexcept {
    items_ = {};
    newest_ = {};
    head_ = size_ = 0;
}

}  // namespace jst::policy
