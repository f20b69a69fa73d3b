// How the real runtime has worked so far in this process: for benchmarks, which print it. Nothing decides by it.
#pragma once

#include <atomic>
#include <cstdint>

namespace jst::runtime_asio {

struct Tally {
    std::atomic<std::uint64_t> hash_calls{0};  ///< calls of a hash kernel's group
    std::atomic<std::uint64_t> hashed_messages{
        0};  ///< messages (or runs of one) in them all: the lanes that were filled
    std::atomic<std::uint64_t> patient_hashes{0};  ///< messages that might wait for others,
    std::atomic<std::uint64_t> hurried_hashes{0};  ///< and those of them that might while there was other work only
};

inline Tally& tally() noexcept {
    static Tally of_process;
    return of_process;
}

}  // namespace jst::runtime_asio
