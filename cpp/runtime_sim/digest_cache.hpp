// Digests by content: the pieces that many nodes of a world hash are hashed once.
//
// The key is a 128-bit checksum of the content, made in one pass at memory speed; results are those of hashing. The
// checksum also tells whether a buffer changed while it was being hashed. Looked up, never walked; bounded.
#pragma once

#include <compare>
#include <optional>
#include <span>
#include <unordered_map>

#include "base/bytes.hpp"

namespace jst::runtime_sim {

struct Checksum {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend auto operator<=>(const Checksum&, const Checksum&) noexcept = default;
};

/// Of the concatenation, and of how it is cut into spans.
Checksum checksum(std::span<const Bytes> spans) noexcept;

inline constexpr std::size_t max_cached_digests = 1u << 16;

class DigestCache {
  public:
    Sha1Digest sha1(const Checksum& key, std::span<const Bytes> spans);
    Sha256Digest sha256(const Checksum& key, std::span<const Bytes> spans);
    std::uint64_t hits() const noexcept { return hits_; }

  private:
    struct Known {
        std::optional<Sha1Digest> sha1;
        std::optional<Sha256Digest> sha256;
    };
    struct Hash {
        std::size_t operator()(const Checksum& key) const noexcept {
            return static_cast<std::size_t>(key.low ^ key.high);
        }
    };
    Known& find(const Checksum& key);

    std::unordered_map<Checksum, Known, Hash> known_;
    std::uint64_t hits_ = 0;
};

}  // namespace jst::runtime_sim
