// SHA-1 and SHA-256 of sixteen messages at once, a message in each 32-bit lane of AVX-512 registers.
// Compiled with -mavx512f -mavx512bw -O3 -fno-tree-reassoc: reordering the additions would lengthen the critical path.
#include "codec/sha_kernels.hpp"

#if defined(__x86_64__)

#include <immintrin.h>

namespace jst::codec::kernels {
namespace {

#define JST_INLINE inline __attribute__((always_inline))

constexpr int lanes = 16;
using Vec = __m512i;

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

JST_INLINE Vec splat(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
JST_INLINE Vec add(Vec a, Vec b) { return _mm512_add_epi32(a, b); }

// One block of each lane in, the sixteen words of all lanes out: a transposition with the bytes of each word turned.
JST_INLINE void load_words(Vec (&w)[16], const std::uint8_t* const* data, std::size_t offset) {
    const Vec flip = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL));
    Vec a[16];
    Vec b[16];
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
        const Vec low_even = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
        const Vec low_odd = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xDD);
        const Vec high_even = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
        const Vec high_odd = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xDD);
        w[i] = _mm512_shuffle_i32x4(low_even, high_even, 0x88);
        w[i + 8] = _mm512_shuffle_i32x4(low_even, high_even, 0xDD);
        w[i + 4] = _mm512_shuffle_i32x4(low_odd, high_odd, 0x88);
        w[i + 12] = _mm512_shuffle_i32x4(low_odd, high_odd, 0xDD);
    }
}

template <int Words>
JST_INLINE void load_states(Vec (&s)[Words], std::uint32_t* const* states) {
    alignas(64) std::uint32_t column[lanes];
    for (int word = 0; word < Words; ++word) {
        for (int i = 0; i < lanes; ++i) column[i] = states[i][word];
        s[word] = _mm512_load_si512(column);
    }
}

template <int Words>
JST_INLINE void store_states(const Vec (&s)[Words], std::uint32_t* const* states) {
    alignas(64) std::uint32_t column[lanes];
    for (int word = 0; word < Words; ++word) {
        _mm512_store_si512(column, s[word]);
        for (int i = 0; i < lanes; ++i) states[i][word] = column[i];
    }
}

// Round T; the five names of the state move by one each round. A ternary operation overwrites its first operand, and a
// copy takes a pipe of its own: so each is given one that is wanted no more.
template <int T>
JST_INLINE void sha1_round(Vec (&s)[5], Vec (&w)[16]) {
    if constexpr (T >= 16) {
        const Vec x = _mm512_ternarylogic_epi32(w[T % 16], w[(T + 2) % 16], w[(T + 8) % 16], 0x96);
        w[T % 16] = _mm512_rol_epi32(_mm512_xor_si512(x, w[(T + 13) % 16]), 1);
    }
    constexpr int a = (80 - T) % 5;
    Vec& b = s[(a + 1) % 5];
    const Vec& c = s[(a + 2) % 5];
    const Vec& d = s[(a + 3) % 5];
    Vec& e = s[(a + 4) % 5];
    constexpr int choice = T < 20 ? 0xCA : (T >= 40 && T < 60 ? 0xE8 : 0x96);
    const Vec wk = add(w[T % 16], splat(sha1_words[T / 20]));
    const Vec turned = _mm512_rol_epi32(b, 30);
    e = add(add(e, wk), _mm512_ternarylogic_epi32(b, c, d, choice));
    b = turned;
    e = add(e, _mm512_rol_epi32(s[a], 5));
}

template <int T = 0>
JST_INLINE void sha1_rounds(Vec (&s)[5], Vec (&w)[16]) {
    if constexpr (T < 80) {
        sha1_round<T>(s, w);
        sha1_rounds<T + 1>(s, w);
    }
}

template <int R1, int R2, int R3, bool Shift>
JST_INLINE Vec sigma(Vec x) {
    const Vec third = Shift ? _mm512_srli_epi32(x, R3) : _mm512_ror_epi32(x, R3);
    return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, R1), _mm512_ror_epi32(x, R2), third, 0x96);
}

template <int T>
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
    h = add(add(h, add(w[T % 16], splat(sha256_words[T]))), _mm512_ternarylogic_epi32(e, f, g, 0xCA));
    h = add(h, sigma<6, 11, 25, false>(e));
    d = add(d, h);
    h = add(h, add(sigma<2, 13, 22, false>(s[a]), _mm512_ternarylogic_epi32(s[a], b, c, 0xE8)));
}

template <int T = 0>
JST_INLINE void sha256_rounds(Vec (&s)[8], Vec (&w)[16]) {
    if constexpr (T < 64) {
        sha256_round<T>(s, w);
        sha256_rounds<T + 1>(s, w);
    }
}

}  // namespace

__attribute__((noinline)) void sha1_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data,
                                               std::size_t blocks) {
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

__attribute__((noinline)) void sha256_avx512_x16(std::uint32_t* const* states, const std::uint8_t* const* data,
                                                 std::size_t blocks) {
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

}  // namespace jst::codec::kernels

#endif
