// The contents of made-up torrents: any run of bytes by its offset, so that a large one needs no memory.
//
// Word n of a stream is a mix of the stream's key and n; the same on every platform. Not random, only without pattern.
#pragma once

#include <cstdint>

namespace jst::bind {

/// Writes `length` bytes of the stream, from `offset` on.
void put_truth(char* out, std::uint64_t key, std::uint64_t offset, std::uint64_t length) noexcept;

}  // namespace jst::bind
