// SHA-1 of a file's bytes where the page cache holds them: no copy, no buffer. Any thread.
#pragma once

#include "runtime/disk.hpp"

namespace jst::runtime_asio {

/// So much is mapped at a time, where that fills the lanes.
inline constexpr std::size_t mapped_at_once = 16u << 20;

/// Does a `digest` operation, up to where bytes are not in the cache, or went away meanwhile.
void digest_in_place(runtime::DiskOp& op, int fd) noexcept;

}  // namespace jst::runtime_asio
