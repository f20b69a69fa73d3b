// The rolling hash of all that happened in a world: equal runs have equal fingerprints, whatever the process.
//
// Order matters; no address, no hash of the language and no wall-clock time ever goes in.
#pragma once

#include <bit>
#include <cstdint>

namespace jst::runtime_sim {

class Fingerprint {
  public:
    explicit Fingerprint(std::uint64_t seed) noexcept : value_(seed ^ 0x6A09E667F3BCC909ull) {}

    void add(std::uint64_t word) noexcept {
        value_ = std::rotl((value_ ^ word) * 0x9E3779B97F4A7C15ull, 29) + 0x2545F4914F6CDD1Dull;
    }
    std::uint64_t value() const noexcept {
        std::uint64_t x = value_;
        x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9ull;
        return x ^ (x >> 29);
    }

  private:
    std::uint64_t value_;
};

}  // namespace jst::runtime_sim
