// Pieces sorted by bucket: one permutation in which each bucket is a contiguous run, and where each piece stands in it.
//
// Moving a piece to a neighbouring bucket is one swap; crossing k buckets costs k. 8 bytes for each piece.
// Invariants: 1. at(position(p)) == p; 2. the run of bucket b is [begin(b), end(b)) and the runs follow each other.
// Does not know what a bucket means.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"

namespace jst::policy {

class PieceOrder {
  public:
    PieceOrder() = default;
    PieceOrder(std::uint32_t num_pieces, std::uint32_t num_buckets);

    /// Sorts all pieces anew (counting sort): bucket_of(piece) < num_buckets.
    template <class BucketOf>
    void rebuild(BucketOf&& bucket_of) {
        for (auto& s : starts_) s = 0;
        const auto n = static_cast<std::uint32_t>(order_.size());
        for (std::uint32_t i = 0; i < n; ++i) ++starts_[bucket_of(PieceIndex{i}) + 1];
        for (std::size_t b = 1; b < starts_.size(); ++b) starts_[b] += starts_[b - 1];
        std::vector<std::uint32_t> next(starts_);
        for (std::uint32_t i = 0; i < n; ++i) put(PieceIndex{i}, next[bucket_of(PieceIndex{i})]++);
    }
    void move(PieceIndex piece, std::uint32_t from, std::uint32_t to) noexcept;
    std::span<const PieceIndex> bucket(std::uint32_t b) const noexcept {
        return std::span<const PieceIndex>(order_).subspan(starts_[b], starts_[b + 1] - starts_[b]);
    }

  private:
    void put(PieceIndex piece, std::uint32_t position) noexcept {
        order_[position] = piece;
        positions_[piece.value] = position;
    }

    std::vector<PieceIndex> order_;
    std::vector<std::uint32_t> positions_;
    std::vector<std::uint32_t> starts_;  // one more than buckets
};

}  // namespace jst::policy
