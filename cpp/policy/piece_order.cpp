#include "policy/piece_order.hpp"

namespace jst::policy {

PieceOrder::PieceOrder(std::uint32_t num_pieces, std::uint32_t num_buckets)
    : order_(num_pieces), positions_(num_pieces), starts_(num_buckets + 1, 0) {
    rebuild([](PieceIndex) { return 0u; });
}

void PieceOrder::swap_to(PieceIndex piece, std::uint32_t position) noexcept {
    const std::uint32_t old = positions_[piece.value];
    if (old == position) return;
    put(order_[position], old);
    put(piece, position);
}

void PieceOrder::move(PieceIndex piece, std::uint32_t from, std::uint32_t to) noexcept {
    // At each boundary the piece becomes the last (first) of its run, and the boundary steps over it.
    for (; from < to; ++from) swap_to(piece, --starts_[from + 1]);
    for (; from > to; --from) swap_to(piece, starts_[from]++);
}

}  // namespace jst::policy
