// Many messages hashed side by side: which of them share a step, and with which kernel.
//
// A single SHA stream waits for itself; four, eight or sixteen streams at once take a quarter of the time each.
// Messages may have any lengths and lie scattered: a lane whose message ends takes the next one. Knows no algorithm but
// through its kernels; the answers never depend on which are used.
#pragma once

#include <array>
#include <span>

#include "base/bytes.hpp"

namespace jst::codec {

/// Kernels that may be used; a machine without them has fewer.
enum class Lanes : std::uint8_t { none = 0, ni_x1 = 1, ni_x2 = 2, ni_x4 = 4, avx512_x8 = 8, avx512_x16 = 16 };

/// Which kernel takes how many lanes. Null: not there.
class LaneKernels {
  public:
    using Compress = void (*)(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);

    /// What this machine has; found out once.
    static const LaneKernels& of_machine_sha1();
    static const LaneKernels& of_machine_sha256();
    /// Only the kernels up to `widest` that this machine has (for tests).
    LaneKernels limited_to(Lanes widest) const noexcept;
    LaneKernels only(Lanes kernel) const noexcept;

    bool any() const noexcept { return x1 != nullptr || x8 != nullptr || x16 != nullptr; }
    /// Runs `blocks` blocks of `n` lanes, 1 to 16.
    void run(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t n, std::size_t blocks) const;

    Compress x1 = nullptr;
    Compress x2 = nullptr;
    Compress x4 = nullptr;
    Compress x8 = nullptr;
    Compress x16 = nullptr;
    bool overlap = true;             // x2 and x4 are quicker than x1 as often
    std::size_t worth_eight = 8;     // from so many lanes on x8 is quicker than the narrower ones,
    std::size_t worth_sixteen = 16;  // and x16 than all others
};

/// A hash that is fed part by part: whole blocks go into the words, the rest of less than a block waits.
struct LaneState {
    std::array<std::uint32_t, 8> words{};
    std::array<Byte, 64> tail{};
    std::size_t filled = 0;  // of tail, less than 64
    std::uint64_t size = 0;

    static LaneState sha1() noexcept;
    static LaneState sha256() noexcept;
};

/// Feeds `parts`, one after another, to `state`; `last` ends the message.
struct LaneFeed {
    LaneState* state = nullptr;
    std::span<const Bytes> parts;
    bool last = false;
};

/// No state twice. Afterwards words of ended states are their digests.
void feed_in_lanes(const LaneKernels& kernels, std::span<const LaneFeed> feeds);

template <std::size_t N>
Digest<N> digest_of(const LaneState& state) noexcept {
    Digest<N> out;
    for (std::size_t i = 0; i < N / 4; ++i) store_be(out.bytes.data() + 4 * i, state.words[i]);
    return out;
}

/// out[i] = hash of messages[i], whose parts follow each other. Needs kernels.any().
void hash_in_lanes(const LaneKernels& kernels, std::span<const std::span<const Bytes>> messages,
                   std::span<Digest<20>> out);
void hash_in_lanes(const LaneKernels& kernels, std::span<const std::span<const Bytes>> messages,
                   std::span<Digest<32>> out);

}  // namespace jst::codec
