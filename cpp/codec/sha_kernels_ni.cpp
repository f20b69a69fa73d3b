// SHA-1 and SHA-256 with the SHA instructions, one to four messages interleaved: each waits for itself several cycles a
// step, and the others fill the gaps. Compiled with -msha -msse4.1 -O3.
#include "codec/sha_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

namespace jst::codec::kernels {
namespace {

#define JST_INLINE inline __attribute__((always_inline))

const std::uint32_t round_words[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

JST_INLINE __m128i load(const void* at) { return _mm_loadu_si128(static_cast<const __m128i*>(at)); }
JST_INLINE void store(void* at, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(at), value); }

template <int Lanes>
struct Sha1Group {
    __m128i abcd[Lanes];
    __m128i before[Lanes];  // abcd of one step earlier: holds the next e
    __m128i e[Lanes];
    __m128i m[Lanes][4];
};

// Step G of 20, four rounds each, of all lanes.
template <int Lanes, int G>
JST_INLINE void sha1_step(Sha1Group<Lanes>& s, const std::uint8_t* const* data, std::size_t offset) {
    const __m128i flip = _mm_set_epi64x(0x0001020304050607LL, 0x08090a0b0c0d0e0fLL);
#pragma GCC unroll 4
    for (int i = 0; i < Lanes; ++i) {
        __m128i* const m = s.m[i];
        __m128i& w = m[G % 4];
        if constexpr (G < 4)
            w = _mm_shuffle_epi8(load(data[i] + offset + 16 * G), flip);
        else
            w = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w, m[(G + 1) % 4]), m[(G + 2) % 4]),
                                   m[(G + 3) % 4]);
        const __m128i ew = G == 0 ? _mm_add_epi32(s.e[i], w) : _mm_sha1nexte_epu32(s.before[i], w);
        s.before[i] = s.abcd[i];
        s.abcd[i] = _mm_sha1rnds4_epu32(s.abcd[i], ew, G / 5);
    }
}

template <int Lanes, int G = 0>
JST_INLINE void sha1_steps(Sha1Group<Lanes>& s, const std::uint8_t* const* data, std::size_t offset) {
    if constexpr (G < 20) {
        sha1_step<Lanes, G>(s, data, offset);
        sha1_steps<Lanes, G + 1>(s, data, offset);
    }
}

template <int Lanes>
JST_INLINE void sha1_lanes(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks) {
    Sha1Group<Lanes> s;
#pragma GCC unroll 4
    for (int i = 0; i < Lanes; ++i) {
        s.abcd[i] = _mm_shuffle_epi32(load(states[i]), 0x1B);
        s.e[i] = _mm_set_epi32(static_cast<int>(states[i][4]), 0, 0, 0);
    }
    for (std::size_t offset = 0; offset < blocks * 64; offset += 64) {
        __m128i saved_abcd[Lanes];
        __m128i saved_e[Lanes];
#pragma GCC unroll 4
        for (int i = 0; i < Lanes; ++i) {
            saved_abcd[i] = s.abcd[i];
            saved_e[i] = s.e[i];
        }
        sha1_steps<Lanes>(s, data, offset);
#pragma GCC unroll 4
        for (int i = 0; i < Lanes; ++i) {
            s.e[i] = _mm_sha1nexte_epu32(s.before[i], saved_e[i]);
            s.abcd[i] = _mm_add_epi32(s.abcd[i], saved_abcd[i]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < Lanes; ++i) {
        store(states[i], _mm_shuffle_epi32(s.abcd[i], 0x1B));
        states[i][4] = static_cast<std::uint32_t>(_mm_extract_epi32(s.e[i], 3));
    }
}

template <int Lanes>
struct Sha256Group {
    __m128i abef[Lanes];
    __m128i cdgh[Lanes];
    __m128i m[Lanes][4];
};

// Step G of 16, four rounds each, of all lanes.
template <int Lanes, int G>
JST_INLINE void sha256_step(Sha256Group<Lanes>& s, const std::uint8_t* const* data, std::size_t offset) {
    const __m128i flip = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    const __m128i k = load(round_words + 4 * G);
#pragma GCC unroll 2
    for (int i = 0; i < Lanes; ++i) {
        __m128i* const m = s.m[i];
        __m128i& w = m[G % 4];
        if constexpr (G < 4) {
            w = _mm_shuffle_epi8(load(data[i] + offset + 16 * G), flip);
        } else {
            const __m128i& last = m[(G + 3) % 4];
            const __m128i sum =
                _mm_add_epi32(_mm_sha256msg1_epu32(w, m[(G + 1) % 4]), _mm_alignr_epi8(last, m[(G + 2) % 4], 4));
            w = _mm_sha256msg2_epu32(sum, last);
        }
        const __m128i wk = _mm_add_epi32(w, k);
        s.cdgh[i] = _mm_sha256rnds2_epu32(s.cdgh[i], s.abef[i], wk);
        s.abef[i] = _mm_sha256rnds2_epu32(s.abef[i], s.cdgh[i], _mm_shuffle_epi32(wk, 0x0E));
    }
}

template <int Lanes, int G = 0>
JST_INLINE void sha256_steps(Sha256Group<Lanes>& s, const std::uint8_t* const* data, std::size_t offset) {
    if constexpr (G < 16) {
        sha256_step<Lanes, G>(s, data, offset);
        sha256_steps<Lanes, G + 1>(s, data, offset);
    }
}

template <int Lanes>
JST_INLINE void sha256_lanes(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks) {
    Sha256Group<Lanes> s;
#pragma GCC unroll 2
    for (int i = 0; i < Lanes; ++i) {
        const __m128i cdab = _mm_shuffle_epi32(load(states[i]), 0xB1);
        const __m128i efgh = _mm_shuffle_epi32(load(states[i] + 4), 0x1B);
        s.abef[i] = _mm_alignr_epi8(cdab, efgh, 8);
        s.cdgh[i] = _mm_blend_epi16(efgh, cdab, 0xF0);
    }
    for (std::size_t offset = 0; offset < blocks * 64; offset += 64) {
        __m128i saved_abef[Lanes];
        __m128i saved_cdgh[Lanes];
#pragma GCC unroll 2
        for (int i = 0; i < Lanes; ++i) {
            saved_abef[i] = s.abef[i];
            saved_cdgh[i] = s.cdgh[i];
        }
        sha256_steps<Lanes>(s, data, offset);
#pragma GCC unroll 2
        for (int i = 0; i < Lanes; ++i) {
            s.abef[i] = _mm_add_epi32(s.abef[i], saved_abef[i]);
            s.cdgh[i] = _mm_add_epi32(s.cdgh[i], saved_cdgh[i]);
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < Lanes; ++i) {
        const __m128i feba = _mm_shuffle_epi32(s.abef[i], 0x1B);
        const __m128i dchg = _mm_shuffle_epi32(s.cdgh[i], 0xB1);
        store(states[i], _mm_blend_epi16(feba, dchg, 0xF0));
        store(states[i] + 4, _mm_alignr_epi8(dchg, feba, 8));
    }
}

}  // namespace

__attribute__((noinline)) void sha1_ni_x1(std::uint32_t* const* states, const std::uint8_t* const* data,
                                          std::size_t blocks) {
    sha1_lanes<1>(states, data, blocks);
}
__attribute__((noinline)) void sha1_ni_x2(std::uint32_t* const* states, const std::uint8_t* const* data,
                                          std::size_t blocks) {
    sha1_lanes<2>(states, data, blocks);
}
__attribute__((noinline)) void sha1_ni_x4(std::uint32_t* const* states, const std::uint8_t* const* data,
                                          std::size_t blocks) {
    sha1_lanes<4>(states, data, blocks);
}
__attribute__((noinline)) void sha256_ni_x1(std::uint32_t* const* states, const std::uint8_t* const* data,
                                            std::size_t blocks) {
    sha256_lanes<1>(states, data, blocks);
}
__attribute__((noinline)) void sha256_ni_x2(std::uint32_t* const* states, const std::uint8_t* const* data,
                                            std::size_t blocks) {
    sha256_lanes<2>(states, data, blocks);
}

}  // namespace jst::codec::kernels

#endif
