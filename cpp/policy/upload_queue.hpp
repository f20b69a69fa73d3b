// What one peer asked for and has not been read yet, in the order of asking (BEP 3: request and cancel).
//
// Whether a block is in it is found by an index, not by a search: a peer may ask for thousands of blocks, in any order,
// and for the same again. Who knows the secret of the index could make it slow, so it is drawn anew for each session.
// Does not know who may ask, nor for how much. Invariants: 1. to add, find or take one costs the same however many
// there are, but for moments that come as seldom as they are long; 2. it holds room for four times as many as there
// ever were at once, or for 64, and none before the first nor after clear().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace jst::policy {

class UploadQueue {
  public:
    explicit UploadQueue(std::uint64_t secret = 0) noexcept;

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    bool contains(const Block& block) const noexcept { return size_ > 0 && find(block, bucket(block)).has_value(); }
    /// A block that has a length. False: it is there already.
    bool push(const Block& block);
    /// They come before all others, in this order.
    void put_back(std::span<const Block> blocks);
    /// The one that was asked for first; there must be one.
    const Block& front() const noexcept { return items_[head_].block; }
    void pop_front() noexcept;
    /// It is not wanted any more. False: it was not there.
    bool take(const Block& block) noexcept;
    void clear() noexcept;

  private:
    struct Item {
        Block block;              // without a length: gone
        std::uint32_t older = 0;  // in the same bucket
    };

    std::size_t bucket(const Block& block) const noexcept;
    std::optional<std::size_t> find(const Block& block, std::size_t which) const noexcept;
    void make_room();
    void skip_gone() noexcept;

    std::uint64_t of_piece_;
    std::uint64_t of_begin_;
    std::uint64_t of_length_;
    std::vector<Item> items_;
    // By bucket: the number of the newest item. That of items_[i] is first_ + i, and numbers of what is no more are let
    // stand.
    std::vector<std::uint32_t> newest_;
    std::uint32_t first_ = 1;
    std::size_t head_ = 0;  // the first that is not gone
    std::size_t size_ = 0;
};

}  // namespace jst::policy
