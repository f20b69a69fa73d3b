// Merkle trees of BEP 52 ("file tree" and "piece layers"): SHA-256, two children to a node.
//
// Leaves are hashes of 16 KiB blocks; a missing leaf is 32 zero bytes, a missing node the root of a tree of those.
// Invariants: 1. widths are powers of two (JST_CHECK); 2. a proof is exactly as long as the way up: never shorter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace jst::codec {

/// Bytes to 16 KiB blocks, rounded up.
constexpr std::uint64_t block_count(std::uint64_t size) noexcept { return (size + 16383) / 16384; }

/// The root of a tree of `height` levels over nothing but missing leaves; height 0 is the zero leaf itself.
Sha256Digest merkle_pad(std::uint32_t height);

/// The root over `nodes`, filled up to `width` of them by `pad`. Width is a power of two, at least nodes.size().
Sha256Digest merkle_root(std::span<const Sha256Digest> nodes, std::uint64_t width, const Sha256Digest& pad);

/// The root over leaf hashes, filled up with missing leaves to the next power of two.
Sha256Digest merkle_root(std::span<const Sha256Digest> leaves);

/// Leaf hashes to the layer above that has one node per `leaves_per_node` (a power of two); the last is filled up.
std::vector<Sha256Digest> merkle_layer(std::span<const Sha256Digest> leaves, std::uint64_t leaves_per_node);

/// Hashes of the 16 KiB blocks of `data`.
std::vector<Sha256Digest> merkle_leaves(Bytes data);

/// Whether `node`, number `index` of its layer, leads to `root` through `uncles` (nearest first). `height` is the
/// number of levels between them, and as many uncles are wanted.
bool merkle_verify(const Sha256Digest& node, std::uint64_t index, std::span<const Sha256Digest> uncles,
                   std::uint32_t height, const Sha256Digest& root);

}  // namespace jst::codec
