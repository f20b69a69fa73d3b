// How many connected peers have each piece (ourselves not counted).
//
// A peer that has more than half of the pieces is counted as a seed with exceptions, so that joining and leaving costs
// O(missing) for it and O(1) for a seed; which way a peer was counted is remembered by the owner and given back at
// leave(). Invariants: 1. count(i) is exact for every order of facts; 2. leave() undoes join() and the on_have() calls
// in between. Does not know who the peers are: the owner calls on_have() once for each new bit (a repeated HAVE is not
// a new bit).
#pragma once

#include <cstdint>
#include <vector>

#include "base/bitfield.hpp"
#include "policy/bit_scan.hpp"

namespace jst::policy {

enum class Counted : std::uint8_t { by_piece, as_seed };

class Availability {
  public:
    Availability() = default;
    explicit Availability(std::uint32_t num_pieces) : relative_(num_pieces, 0) {}

    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(relative_.size()); }
    /// How many peers are counted as seeds.
    std::int32_t seeds() const noexcept { return seeds_; }
    /// Above (or below) seeds(): what rarity is ordered by.
    std::int32_t relative(PieceIndex piece) const noexcept { return relative_[piece.value]; }
    std::uint32_t count(PieceIndex piece) const noexcept {
        return piece.value < size() ? static_cast<std::uint32_t>(seeds_ + relative_[piece.value]) : 0;
    }

    static Counted way_to_count(const Bitfield& has) noexcept {
        return has.size() > 0 && has.count() > has.size() / 2 ? Counted::as_seed : Counted::by_piece;
    }
    /// A peer with its claim (its size must be ours). Calls changed(piece) after each change of relative(piece).
    template <class Changed>
    Counted join(const Bitfield& has, Changed&& changed) {
        const Counted counted = way_to_count(has);
        apply(has, counted, 1, changed);
        return counted;
    }
    template <class Changed>
    void leave(const Bitfield& has, Counted counted, Changed&& changed) {
        apply(has, counted, -1, changed);
    }
    void on_have(PieceIndex piece) noexcept { ++relative_[piece.value]; }

  private:
    template <class Changed>
    void apply(const Bitfield& has, Counted counted, std::int32_t by, Changed&& changed) {
        const PieceIndex end{size()};
        if (counted == Counted::as_seed) {
            seeds_ += by;
            for (auto i = next_clear(has, PieceIndex{0}); i < end; i = next_clear(has, PieceIndex{i.value + 1})) {
                relative_[i.value] -= by;
                changed(i);
            }
            return;
        }
        for (auto i = has.next_set(PieceIndex{0}); i < end; i = has.next_set(PieceIndex{i.value + 1})) {
            relative_[i.value] += by;
            changed(i);
        }
    }

    std::vector<std::int32_t> relative_;
    std::int32_t seeds_ = 0;
};

}  // namespace jst::policy
