#include "policy/piece_order.hpp"

namespace jst::policy {

PieceOrder::PieceOrder(std::uint32_t num_pieces, std::uint32_t num_buckets)
    : order_(num_pieces), positions_(num_pieces), starts_(num_buckets + 1, 0) {
    rebuild([](PieceIndex) { return 0u; });
}

void PieceOrder::move(PieceIndex piece, std::uint32_t from, std::uint32_t to) noexcept {
    // At each boundary the piece changes places with the last (first) of its run, and the boundary steps over it.
    std::uint32_t at = positions_[piece.value];
    const auto step_to = [&](std::uint32_t edge) {
        if (edge == at) return;
        put(order_[edge], at);
        at = edge;
    };
    for (; from < to; ++from) step_to(--starts_[from + 1]);
    for (; from > to; --from) step_to(starts_[from]++);
    put(piece, at);
}

}  // namespace jst::policy
