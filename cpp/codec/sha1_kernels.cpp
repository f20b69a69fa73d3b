#include "codec/sha1_kernels.hpp"

// No other header here: whatever is inlined in this file may use instructions that the machine lacks.
#if defined(__x86_64__)

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("sha,sse4.1,ssse3"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("sha,sse4.1,ssse3")
#endif
#include <cpuid.h>
#include <immintrin.h>

namespace jst::codec {
namespace {

// Four rounds in every lane; step (0 to 19) is a literal, so that all conditions fold away. The message words of a
// step are made from the four steps before it.
#define JST_SHA1_STEP(step)                                                                                           \
    for (std::size_t i = 0; i < lanes; ++i) {                                                                         \
        __m128i& e = (step) % 2 == 0 ? e0[i] : e1[i];                                                                 \
        __m128i& next_e = (step) % 2 == 0 ? e1[i] : e0[i];                                                            \
        __m128i& word = words[(step) % 4][i];                                                                         \
        if ((step) < 4)                                                                                               \
            word =                                                                                                    \
                _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data[i] + at) + (step) % 4), swap); \
        e = (step) == 0 ? _mm_add_epi32(e, word) : _mm_sha1nexte_epu32(e, word);                                      \
        next_e = abcd[i];                                                                                             \
        if ((step) >= 3 && (step) < 19)                                                                               \
            words[((step) + 1) % 4][i] = _mm_sha1msg2_epu32(words[((step) + 1) % 4][i], word);                        \
        abcd[i] = _mm_sha1rnds4_epu32(abcd[i], e, (step) / 5);                                                        \
        if ((step) >= 1 && (step) < 17)                                                                               \
            words[((step) + 3) % 4][i] = _mm_sha1msg1_epu32(words[((step) + 3) % 4][i], word);                        \
        if ((step) >= 2 && (step) < 18) words[((step) + 2) % 4][i] = _mm_xor_si128(words[((step) + 2) % 4][i], word); \
    }

template <std::size_t lanes>
[[gnu::noinline]] void compress(std::uint32_t* const* states, const std::uint8_t* const* data,
                                std::size_t blocks) noexcept {
    const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd[lanes], e0[lanes], e1[lanes], words[4][lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
        abcd[i] = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(states[i])), 0x1B);
        e0[i] = _mm_set_epi32(static_cast<int>(states[i][4]), 0, 0, 0);
    }
    for (std::size_t at = 0; at < blocks * 64; at += 64) {
        __m128i abcd_before[lanes], e_before[lanes];
        for (std::size_t i = 0; i < lanes; ++i) {
            abcd_before[i] = abcd[i];
            e_before[i] = e0[i];
        }
        // clang-format off
        JST_SHA1_STEP(0)  JST_SHA1_STEP(1)  JST_SHA1_STEP(2)  JST_SHA1_STEP(3)  JST_SHA1_STEP(4)
        JST_SHA1_STEP(5)  JST_SHA1_STEP(6)  JST_SHA1_STEP(7)  JST_SHA1_STEP(8)  JST_SHA1_STEP(9)
        JST_SHA1_STEP(10) JST_SHA1_STEP(11) JST_SHA1_STEP(12) JST_SHA1_STEP(13) JST_SHA1_STEP(14)
        JST_SHA1_STEP(15) JST_SHA1_STEP(16) JST_SHA1_STEP(17) JST_SHA1_STEP(18) JST_SHA1_STEP(19)
            // clang-format on
            for (std::size_t i = 0; i < lanes; ++i) {
            e0[i] = _mm_sha1nexte_epu32(e0[i], e_before[i]);
            abcd[i] = _mm_add_epi32(abcd[i], abcd_before[i]);
        }
    }
    for (std::size_t i = 0; i < lanes; ++i) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(states[i]), _mm_shuffle_epi32(abcd[i], 0x1B));
        states[i][4] = static_cast<std::uint32_t>(_mm_extract_epi32(e0[i], 3));
    }
}

#undef JST_SHA1_STEP

}  // namespace

void sha1_compress(std::size_t lanes, std::uint32_t* const* states, const std::uint8_t* const* data,
                   std::size_t blocks) noexcept {
    switch (lanes) {
        case 1:
            return compress<1>(states, data, blocks);
        case 2:
            return compress<2>(states, data, blocks);
        case 3:
            return compress<3>(states, data, blocks);
        case 4:
            return compress<4>(states, data, blocks);
        default:
            return;
    }
}

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

bool sha1_kernels_usable() noexcept {
    static const bool usable = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
    }();
    return usable;
}

}  // namespace jst::codec

#else

namespace jst::codec {

bool sha1_kernels_usable() noexcept { return false; }
void sha1_compress(std::size_t, std::uint32_t* const*, const std::uint8_t* const*, std::size_t) noexcept {}

}  // namespace jst::codec

#endif
