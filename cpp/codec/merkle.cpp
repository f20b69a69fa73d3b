#include "codec/merkle.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.hpp"
#include "base/ids.hpp"
#include "codec/sha.hpp"

namespace jst::codec {
namespace {

Sha256Digest parent(const Sha256Digest& left, const Sha256Digest& right) {
    std::array<Byte, 64> both;
    std::copy(left.bytes.begin(), left.bytes.end(), both.begin());
    std::copy(right.bytes.begin(), right.bytes.end(), both.begin() + 32);
    return sha256(both);
}

// One level up, in place. An odd last node is paired with `pad`.
void climb(std::vector<Sha256Digest>& nodes, const Sha256Digest& pad) {
    const std::size_t above = (nodes.size() + 1) / 2;
    for (std::size_t i = 0; i < above; ++i)
        nodes[i] = parent(nodes[2 * i], 2 * i + 1 < nodes.size() ? nodes[2 * i + 1] : pad);
    nodes.resize(above);
}

}  // namespace

Sha256Digest merkle_pad(std::uint32_t height) {
    Sha256Digest pad;
    for (std::uint32_t i = 0; i < height; ++i) pad = parent(pad, pad);
    return pad;
}

Sha256Digest merkle_root(std::span<const Sha256Digest> nodes, std::uint64_t width, const Sha256Digest& pad) {
    JST_CHECK(std::has_single_bit(width) && nodes.size() <= width, "the width of a tree is a power of two");
    std::vector<Sha256Digest> level(nodes.begin(), nodes.end());
    Sha256Digest filler = pad;
    for (; width > 1; width /= 2) {
        climb(level, filler);
        filler = parent(filler, filler);
    }
    return level.empty() ? filler : level.front();
}

Sha256Digest merkle_root(std::span<const Sha256Digest> leaves) {
    return merkle_root(leaves, std::bit_ceil(std::max<std::uint64_t>(leaves.size(), 1)), Sha256Digest{});
}

std::vector<Sha256Digest> merkle_layer(std::span<const Sha256Digest> leaves, std::uint64_t leaves_per_node) {
    JST_CHECK(std::has_single_bit(leaves_per_node), "a layer is a whole number of levels up");
    std::vector<Sha256Digest> level(leaves.begin(), leaves.end());
    Sha256Digest pad;
    for (; leaves_per_node > 1; leaves_per_node /= 2) {
        climb(level, pad);
        pad = parent(pad, pad);
    }
    return level;
}

std::vector<Sha256Digest> merkle_leaves(Bytes data) {
    std::vector<Bytes> blocks;
    blocks.reserve(block_count(data.size()));
    for (std::size_t at = 0; at < data.size(); at += block_size)
        blocks.push_back(data.subspan(at, std::min<std::size_t>(block_size, data.size() - at)));
    std::vector<Sha256Digest> leaves(blocks.size());
    sha256_many(blocks, leaves);
    return leaves;
}

bool merkle_verify(const Sha256Digest& node, std::uint64_t index, std::span<const Sha256Digest> uncles,
                   std::uint32_t height, const Sha256Digest& root) {
    if (uncles.size() != height || height >= 64 || index >> height != 0) return false;
    Sha256Digest at = node;
    for (const auto& uncle : uncles) {
        at = index % 2 == 0 ? parent(at, uncle) : parent(uncle, at);
        index /= 2;
    }
    return at == root;
}

}  // namespace jst::codec
