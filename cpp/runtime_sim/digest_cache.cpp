#include "runtime_sim/digest_cache.hpp"

#include <bit>
#include <cstring>

#include "codec/sha.hpp"

namespace jst::runtime_sim {
namespace {

constexpr std::uint64_t odd_a = 0x9E3779B97F4A7C15ull;
constexpr std::uint64_t odd_b = 0xC2B2AE3D27D4EB4Full;

std::uint64_t finish(std::uint64_t x) noexcept {
    x = (x ^ (x >> 32)) * odd_b;
    x = (x ^ (x >> 29)) * odd_a;
    return x ^ (x >> 32);
}

// Four independent lanes, so that the multiplications overlap.
struct Lanes {
    std::uint64_t lane[4] = {odd_a, odd_b, ~odd_a, ~odd_b};

    void add(const Byte* at) noexcept {
        for (int i = 0; i < 4; ++i) {
            std::uint64_t word;
            std::memcpy(&word, at + 8 * i, 8);
            lane[i] = std::rotl(lane[i] ^ (word * odd_b), 31) * odd_a;
        }
    }
    void add(Bytes bytes) noexcept {
        const Byte* at = bytes.data();
        std::size_t left = bytes.size();
        for (; left >= 32; left -= 32, at += 32) add(at);
        Byte last[32] = {};
        if (left != 0) std::memcpy(last, at, left);
        last[31] = static_cast<Byte>(left);
        add(last);
    }
};

template <std::size_t N, class State>
Digest<N> digest_of(std::span<const Bytes> spans) {
    State state;
    for (const auto& span : spans) state.update(span);
    return state.finish();
}

}  // namespace

Checksum checksum(std::span<const Bytes> spans) noexcept {
    Lanes lanes;
    std::uint64_t total = 0;
    for (const auto& span : spans) {
        lanes.add(span);
        total += span.size();
    }
    const auto* l = lanes.lane;
    return {finish(l[0] ^ std::rotl(l[1], 17)) + finish(l[2] + total),
            finish(l[1] + std::rotl(l[3], 41)) ^ finish(l[0] + l[2] + spans.size())};
}

DigestCache::Known& DigestCache::find(const Checksum& key) {
    if (known_.size() >= max_cached_digests) known_.clear();
    return known_[key];
}

Sha1Digest DigestCache::sha1(const Checksum& key, std::span<const Bytes> spans) {
    auto& known = find(key).sha1;
    if (known)
        ++hits_;
    else
        known = digest_of<20, codec::Sha1State>(spans);
    return *known;
}

Sha256Digest DigestCache::sha256(const Checksum& key, std::span<const Bytes> spans) {
    auto& known = find(key).sha256;
    if (known)
        ++hits_;
    else
        known = digest_of<32, codec::Sha256State>(spans);
    return *known;
}

}  // namespace jst::runtime_sim
