// SHA-1 compression of 1 to 4 messages side by side with the SHA extensions of x86.
//
// One stream cannot keep the unit busy: each step waits for the one before. Interleaved streams fill the gaps.
// Knows no padding and no lengths; sha1_lanes does. Callers ask sha1_kernels_usable() first (run-time dispatch: the
// build must not assume the extensions).
#pragma once

#include <cstddef>
#include <cstdint>

namespace jst::codec {

bool sha1_kernels_usable() noexcept;

inline constexpr std::size_t max_sha1_lanes = 4;

/// Feeds `blocks` x 64 bytes from data[i] to states[i], which is five words, for every i < lanes.
void sha1_compress(std::size_t lanes, std::uint32_t* const* states, const std::uint8_t* const* data,
                   std::size_t blocks) noexcept;

}  // namespace jst::codec
