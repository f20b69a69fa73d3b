// Seeded pseudo-random numbers: xoshiro256**, the same sequence on every platform.
//
// A stream is named by (seed, entity, purpose), so that removing one peer does not reshuffle the luck of the others.
// Not for secrets: those come from runtime::Entropy::secret().
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace jst {

/// Mixes two numbers into one (SplitMix64 finaliser); order matters.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept;
/// FNV-1a of a name: the same in every process.
std::uint64_t name_hash(std::string_view name) noexcept;

class Prng {
  public:
    explicit Prng(std::uint64_t seed = 0) noexcept;
    Prng(std::uint64_t seed, std::uint64_t entity, std::string_view purpose) noexcept
        : Prng(mix(mix(seed, entity), name_hash(purpose))) {}

    std::uint64_t next() noexcept;
    /// Uniform in [0, bound); 0 when bound is 0. Unbiased.
    std::uint64_t below(std::uint64_t bound) noexcept;
    /// Uniform in [low, high], both included; low when high < low.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept;
    /// True with the chance of `parts` in `whole`.
    bool chance(std::uint64_t parts, std::uint64_t whole) noexcept { return below(whole) < parts; }

    template <class Container>
    void shuffle(Container& items) noexcept {
        for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
    }

  private:
    std::array<std::uint64_t, 4> state_{};
};

}  // namespace jst
