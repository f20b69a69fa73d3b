// What a peer claims to have while the number of pieces is not known (a magnet link): remembered now, judged later.
//
// Invariants: 1. memory() <= 2 * max_claim_bytes + a few dozen bytes; 2. what no torrent could mean is refused at once:
// a bitfield longer, an index larger than max_early_pieces allows. Does not know who may say what when.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bitfield.hpp"
#include "base/bytes.hpp"

namespace jst::policy {

/// The most pieces that a torrent may have (codec::MetainfoLimits).
inline constexpr std::uint32_t max_early_pieces = 1u << 21;
inline constexpr std::size_t max_claim_bytes = max_early_pieces / 8;
/// Of all peers of a torrent together.
inline constexpr std::size_t max_early_memory = std::size_t{4} << 20;
inline constexpr std::size_t max_early_allowed_fast = 64;

class EarlyClaims {
  public:
    /// False: no torrent has so many pieces.
    bool on_bitfield(Bytes bits);
    bool on_have(PieceIndex piece);
    void on_all(bool all) noexcept { said_ = all ? Said::all : Said::none; }
    void on_allowed_fast(PieceIndex piece);

    /// Whether a bitfield repeats all that was claimed.
    bool is_within(Bytes bits) const noexcept;
    /// What it has in a torrent of so many pieces; nothing when that cannot be: a wrong length, a spare bit, an index
    /// out of range.
    std::optional<Bitfield> judge(std::uint32_t num_pieces) const;
    const std::vector<PieceIndex>& allowed_fast() const noexcept { return allowed_fast_; }
    std::size_t memory() const noexcept { return bits_.capacity() + haves_.capacity(); }

  private:
    enum class Said : std::uint8_t { nothing, bitfield, all, none };

    Said said_ = Said::nothing;
    ByteVector bits_;   // of the bitfield
    ByteVector haves_;  // of single HAVEs, as long as the largest needs
    std::uint32_t pieces_needed_ = 0;
    std::vector<PieceIndex> allowed_fast_;
};

}  // namespace jst::policy
