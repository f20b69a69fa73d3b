// SHA-1 and SHA-256 of eight or sixteen messages at once, a message in each 32-bit lane of AVX-512 registers of 256 or
// 512 bits. Compiled with -mavx512f -mavx512bw -mavx512vl -O3 -fno-tree-reassoc: reordering the additions would
// lengthen the critical path.
#include "codec/sha_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

namespace jst::codec::kernels {
namespace {

#define JST_INLINE inline __attribute__((always_inline))

using Eight = __m256i;
using Sixteen = __m512i;
template <class Vec>
constexpr int lanes = sizeof(Vec) / sizeof(std::uint32_t);

constexpr std::uint32_t sha256_words[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
constexpr std::uint32_t sha1_words[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};

template <class Vec>
JST_INLINE Vec splat(std::uint32_t word) {
    if constexpr (lanes<Vec> == 8)
        return _mm256_set1_epi32(static_cast<int>(word));
    else
        return _mm512_set1_epi32(static_cast<int>(word));
}
JST_INLINE Eight add(Eight a, Eight b) { return _mm256_add_epi32(a, b); }
JST_INLINE Sixteen add(Sixteen a, Sixteen b) { return _mm512_add_epi32(a, b); }
template <int By>
JST_INLINE Eight left(Eight a) {
    return _mm256_rol_epi32(a, By);
}
template <int By>
JST_INLINE Sixteen left(Sixteen a) {
    return _mm512_rol_epi32(a, By);
}
template <int By>
JST_INLINE Eight shift_right(Eight a) {
    return _mm256_srli_epi32(a, By);
}
template <int By>
JST_INLINE Sixteen shift_right(Sixteen a) {
    return _mm512_srli_epi32(a, By);
}
// Each bit is what Table says of three bits.
template <int Table>
JST_INLINE Eight look_up(Eight a, Eight b, Eight c) {
    return _mm256_ternarylogic_epi32(a, b, c, Table);
}
template <int Table>
JST_INLINE Sixteen look_up(Sixteen a, Sixteen b, Sixteen c) {
    return _mm512_ternarylogic_epi32(a, b, c, Table);
}
constexpr int parity = 0x96;
constexpr int choice = 0xCA;
constexpr int majority = 0xE8;

// One block of each lane in, the sixteen words of all lanes out: a transposition with the bytes of each word turned.
JST_INLINE void load_words(Sixteen (&w)[16], const std::uint8_t* const* data, std::size_t offset) {
    const Sixteen flip = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
    Sixteen a[16];
    Sixteen b[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) a[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(data[i] + offset), flip);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        const Sixteen low_even = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
        const Sixteen low_odd = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xDD);
        const Sixteen high_even = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
        const Sixteen high_odd = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xDD);
        w[i] = _mm512_shuffle_i32x4(low_even, high_even, 0x88);
        w[i + 8] = _mm512_shuffle_i32x4(low_even, high_even, 0xDD);
        w[i + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
        w[i + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xDD);
    }
}

// The same for eight lanes: half a block of each at a time.
JST_INLINE void load_words(Eight (&w)[16], const std::uint8_t* const* data, std::size_t offset) {
    const Eight flip = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
        Eight a[8];
        Eight b[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
            const auto* const at = reinterpret_cast<const Eight*>(data[i] + offset + 32 * half);
            a[i] = _mm256_shuffle_epi8(_mm256_loadu_si256(at), flip);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 8; i += 2) {
            b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]);
            b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
        }
#pragma GCC unroll 2
        for (int i = 0; i < 8; i += 4) {
            a[i] = _mm256_unpacklo_epi64(b[i], b[i + 2]);
            a[i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 2]);
            a[i + 2] = _mm256_unpacklo_epi64(b[i + 1], b[i + 3]);
            a[i + 3] = _mm256_unpackhi_epi64(b[i + 1], b[i + 3]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            w[8 * half + i] = _mm256_permute2x128_si256(a[i], a[i + 4], 0x20);
            w[8 * half + i + 4] = _mm256_permute2x128_si256(a[i], a[i + 4], 0x31);
        }
    }
}

template <class Vec, int Words>
JST_INLINE void load_states(Vec (&s)[Words], std::uint32_t* const* states) {
    std::uint32_t column[lanes<Vec>];
    for (int word = 0; word < Words; ++word) {
        for (int i = 0; i < lanes<Vec>; ++i) column[i] = states[i][word];
        std::memcpy(&s[word], column, sizeof(column));
    }
}

template <class Vec, int Words>
JST_INLINE void store_states(const Vec (&s)[Words], std::uint32_t* const* states) {
    std::uint32_t column[lanes<Vec>];
    for (int word = 0; word < Words; ++word) {
        std::memcpy(column, &s[word], sizeof(column));
        for (int i = 0; i < lanes<Vec>; ++i) states[i][word] = column[i];
    }
}

// Round T; the five names of the state move by one each round. A ternary operation overwrites its first operand, and a
// copy takes a pipe of its own: so each is given one that is wanted no more.
template <int T, class Vec>
JST_INLINE void sha1_round(Vec (&s)[5], Vec (&w)[16]) {
    if constexpr (T >= 16) {
        const Vec x = look_up<parity>(w[T % 16], w[(T + 2) % 16], w[(T + 8) % 16]);
        w[T % 16] = left<1>(x ^ w[(T + 13) % 16]);
    }
    constexpr int a = (80 - T) % 5;
    Vec& b = s[(a + 1) % 5];
    const Vec& c = s[(a + 2) % 5];
    const Vec& d = s[(a + 3) % 5];
    Vec& e = s[(a + 4) % 5];
    constexpr int table = T < 20 ? choice : (T >= 40 && T < 60 ? majority : parity);
    const Vec wk = add(w[T % 16], splat<Vec>(sha1_words[T / 20]));
    const Vec turned = left<30>(b);
    e = add(add(e, wk), look_up<table>(b, c, d));
    b = turned;
    e = add(e, left<5>(s[a]));
}

template <class Vec, int T = 0>
JST_INLINE void sha1_rounds(Vec (&s)[5], Vec (&w)[16]) {
    if constexpr (T < 80) {
        sha1_round<T>(s, w);
        sha1_rounds<Vec, T + 1>(s, w);
    }
}

template <int R1, int R2, int R3, bool Shift, class Vec>
JST_INLINE Vec sigma(Vec x) {
    Vec third;
    if constexpr (Shift)
        third = shift_right<R3>(x);
    else
        third = left<32 - R3>(x);
    return look_up<parity>(left<32 - R1>(x), left<32 - R2>(x), third);
}

template <int T, class Vec>
JST_INLINE void sha256_round(Vec (&s)[8], Vec (&w)[16]) {
    if constexpr (T >= 16) {
        const Vec s0 = sigma<7, 18, 3, true>(w[(T + 1) % 16]);
        const Vec s1 = sigma<17, 19, 10, true>(w[(T + 14) % 16]);
        w[T % 16] = add(add(w[T % 16], w[(T + 9) % 16]), add(s0, s1));
    }
    constexpr int a = (64 - T) % 8;
    const Vec& b = s[(a + 1) % 8];
    const Vec& c = s[(a + 2) % 8];
    Vec& d = s[(a + 3) % 8];
    const Vec& e = s[(a + 4) % 8];
    const Vec& f = s[(a + 5) % 8];
    const Vec& g = s[(a + 6) % 8];
    Vec& h = s[(a + 7) % 8];
    h = add(add(h, add(w[T % 16], splat<Vec>(sha256_words[T]))), look_up<choice>(e, f, g));
    h = add(h, sigma<6, 11, 25, false>(e));
    d = add(d, h);
    h = add(h, add(sigma<2, 13, 22, false>(s[a]), look_up<majority>(s[a], b, c)));
}

template <class Vec, int T = 0>
JST_INLINE void sha256_rounds(Vec (&s)[8], Vec (&w)[16]) {
    if constexpr (T < 64) {
        sha256_round<T>(s, w);
        sha256_rounds<Vec, T + 1>(s, w);
    }
}

template <class Vec>
JST_INLINE void sha1(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks) {
    Vec s[5];
    load_states(s, states);
    for (std::size_t offset = 0; offset < blocks * 64; offset += 64) {
        Vec w[16];
        load_words(w, data, offset);
        const Vec saved[5] = {s[0], s[1], s[2], s[3], s[4]};
        sha1_rounds(s, w);
        for (int i = 0; i < 5; ++i) s[i] = add(s[i], saved[i]);
    }
    store_states(s, states);
}

template <class Vec>
JST_INLINE void sha256(std::uint32_t* const* states, const std::uint8_t* const* data, std::size_t blocks) {
    Vec s[8];
    load_states(s, states);
    for (std::size_t offset = 0; offset < blocks * 64; offset += 64) {
        Vec w[16];
        load_words(w, data, offset);
        const Vec saved[8] = {s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]};
        sha256_rounds(s, w);
        for (int i = 0; i < 8; ++i) s[i] = add(s[i], saved[i]);
    }
    store_states(s, states);
}

}  // namespace

__attribute__((noinline)) void sha1_avx512_x8(std::uint32_t* const* states, const std::uint8_t* const* data,
                                              std::size_t blocks) {
    sha1<Eight>(states, data, blocks);
}

__attribute__((noinline)) void sha1_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data,
                                               std::size_t blocks) {
    sha1<Sixteen>(states, data, blocks);
}

__attribute__((noinline)) void sha256_avx512_x8(std::uint32_t* const* states, const std::uint8_t* const* data,
                                                std::size_t blocks) {
    sha256<Eight>(states, data, blocks);
}

__attribute__((noinline)) void sha256_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data,
                                                 std::size_t blocks) {
    sha256<Sixteen>(states, data, blocks);
}

}  // namespace jst::codec::kernels

#endif
