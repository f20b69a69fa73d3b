#include "storage/piece_check.hpp"

#include <algorithm>

#include "codec/merkle.hpp"

namespace jst::storage {
namespace {

std::uint32_t blocks_in(std::uint32_t bytes) noexcept { return bytes / block_size + (bytes % block_size != 0 ? 1 : 0); }

}  // namespace

std::uint32_t PieceExpectation::span_count() const noexcept { return leaf_count + blocks_in(piece_size - tree_size); }

std::pair<std::uint32_t, std::uint32_t> PieceExpectation::span(std::uint32_t n) const noexcept {
    const bool leaf = n < leaf_count;
    const std::uint32_t begin = leaf ? n * block_size : tree_size + (n - leaf_count) * block_size;
    return {begin, std::min((leaf ? tree_size : piece_size) - begin, block_size)};
}

PieceExpectation expectation_of(const codec::Metainfo& metainfo, PieceIndex piece) {
    PieceExpectation expected;
    expected.piece_size = metainfo.piece_size(piece);
    const Bytes v1 = metainfo.piece_hash(piece);
    if (v1.size() == Sha1Digest::size) expected.sha1 = Sha1Digest::from(v1);
    if (const Sha256Digest* root = metainfo.piece_root(piece)) {
        expected.root = *root;
        expected.tree_width = metainfo.piece_tree_width(piece);
        expected.tree_size = std::min(metainfo.piece_tree_size(piece), expected.piece_size);
        expected.leaf_count = blocks_in(expected.tree_size);
    }
    return expected;
}

bool passes(const PieceExpectation& expected, const Sha1Digest& sha1, std::span<const Sha256Digest> leaves) {
    if (!expected.is_known()) return false;
    if (expected.sha1 && *expected.sha1 != sha1) return false;
    if (!expected.root) return true;
    if (leaves.size() < expected.leaf_count || expected.tree_width < expected.leaf_count) return false;
    const auto used = leaves.first(expected.leaf_count);
    return codec::merkle_root(used, expected.tree_width, codec::merkle_pad(0)) == *expected.root;
}

}  // namespace jst::storage
