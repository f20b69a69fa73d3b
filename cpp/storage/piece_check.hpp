// What must be hashed for a piece, and whether the answer is right.
//
// v1 (BEP 3): SHA-1 of the whole piece. v2 (BEP 52): the Merkle root over the SHA-256 of its 16 KiB blocks, filled up
// with missing leaves. Hybrid: both must hold. Does not hash: it says which spans and compares what came out.
// Invariants: 1. a piece of which nothing is known never passes; 2. the first `leaf_count` spans are the leaves;
// padding of a hybrid's piece follows as spans of its own, so that SHA-1 runs over all spans in order.
#pragma once

#include <optional>
#include <span>

#include "codec/metainfo.hpp"

namespace jst::storage {

struct PieceExpectation {
    std::optional<Sha1Digest> sha1;
    std::optional<Sha256Digest> root;
    std::uint64_t tree_width = 0;  // leaves of the tree, missing ones included
    std::uint32_t tree_size = 0;   // bytes that the tree covers
    std::uint32_t leaf_count = 0;  // blocks in them
    std::uint32_t piece_size = 0;

    bool is_known() const noexcept { return sha1 || root; }
    /// Spans of at most 16 KiB in the whole piece, cut where the tree ends.
    std::uint32_t span_count() const noexcept;
    /// The n-th of them: begin and length within the piece.
    std::pair<std::uint32_t, std::uint32_t> span(std::uint32_t n) const noexcept;
};

PieceExpectation expectation_of(const codec::Metainfo& metainfo, PieceIndex piece);

/// `leaves`: the SHA-256 of the first leaf_count spans (more are ignored); empty when no root is expected.
bool passes(const PieceExpectation& expected, const Sha1Digest& sha1, std::span<const Sha256Digest> leaves);

}  // namespace jst::storage
