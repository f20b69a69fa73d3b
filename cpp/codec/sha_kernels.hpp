// Compression functions that run several messages side by side. Plain pointers only: each is compiled for instructions
// that the machine may lack, and nothing inline from a header may leak out of such a file.
//
// All take `blocks` 64-byte blocks of each lane and update its state (5 or 8 words). Call one only where supported.
#pragma once

#include <cstddef>
#include <cstdint>

namespace jst::codec::kernels {

using Compress = void (*)(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);

#if defined(__x86_64__)
void sha1_ni_x1(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha1_ni_x2(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha1_ni_x4(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha256_ni_x1(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha256_ni_x2(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha1_avx512_x8(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha1_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha256_avx512_x8(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
void sha256_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks);
#endif

}  // namespace jst::codec::kernels
