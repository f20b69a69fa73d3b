#include "base/prng.hpp"

#include <bit>

namespace jst {
namespace {

std::uint64_t split_mix(std::uint64_t& state) noexcept {
    std::uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

}  // namespace

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t state = a;
    const std::uint64_t first = split_mix(state);
    state = first ^ b;
    return split_mix(state);
}

std::uint64_t name_hash(std::string_view name) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
    return hash;
}

Prng::Prng(std::uint64_t seed) noexcept {
    for (auto& word : state_) word = split_mix(seed);
}

std::uint64_t Prng::next() noexcept {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

std::uint64_t Prng::below(std::uint64_t bound) noexcept {
    if (bound < 2) return 0;
    const std::uint64_t reject = (0 - bound) % bound;  // the first multiple of bound above 2^64 is cut off
    for (;;)
        if (const std::uint64_t draw = next(); draw >= reject) return draw % bound;
}

std::uint64_t Prng::between(std::uint64_t low, std::uint64_t high) noexcept {
    if (high <= low) return low;
    return high - low == ~std::uint64_t{0} ? next() : low + below(high - low + 1);
}

}  // namespace jst
