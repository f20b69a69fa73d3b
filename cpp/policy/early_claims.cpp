#include "policy/early_claims.hpp"

#include <algorithm>

namespace jst::policy {

bool EarlyClaims::on_bitfield(Bytes bits) {
    if (bits.size() > max_claim_bytes) return false;
    bits_ = to_vector(bits);
    said_ = Said::bitfield;
    return true;
}

bool EarlyClaims::on_have(PieceIndex piece) {
    if (piece.value >= max_early_pieces) return false;
    const std::size_t at = piece.value / 8;
    if (haves_.size() <= at) {
        if (haves_.capacity() <= at) haves_.reserve(std::min(max_claim_bytes, std::max(2 * haves_.capacity(), at + 1)));
        haves_.resize(at + 1);
    }
    haves_[at] = static_cast<Byte>(haves_[at] | 0x80u >> piece.value % 8);
    pieces_needed_ = std::max(pieces_needed_, piece.value + 1);
    return true;
}

void EarlyClaims::on_allowed_fast(PieceIndex piece) {
    const bool known = std::find(allowed_fast_.begin(), allowed_fast_.end(), piece) != allowed_fast_.end();
    if (!known && allowed_fast_.size() < max_early_allowed_fast) allowed_fast_.push_back(piece);
}

bool EarlyClaims::is_within(Bytes bits) const noexcept {
    const auto covered = [&](const ByteVector& claimed) {
        for (std::size_t i = 0; i < claimed.size(); ++i)
            if ((claimed[i] & ~(i < bits.size() ? bits[i] : 0u)) != 0) return false;
        return true;
    };
    return said_ != Said::all && covered(bits_) && covered(haves_);
}

std::optional<Bitfield> EarlyClaims::judge(std::uint32_t num_pieces) const {
    if (pieces_needed_ > num_pieces) return std::nullopt;
    Bitfield have(num_pieces, said_ == Said::all);
    if (said_ == Said::bitfield) {
        auto claimed = Bitfield::from_wire(bits_, num_pieces);
        if (!claimed) return std::nullopt;
        have = std::move(*claimed);
    }
    for (std::uint32_t i = 0; i < pieces_needed_; ++i)
        if ((haves_[i / 8] & 0x80u >> i % 8) != 0) have.set(PieceIndex{i});
    return have;
}

}  // namespace jst::policy
