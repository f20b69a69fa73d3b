// A disk operation as system calls, run by whoever calls: the engine thread or a worker. Knows no order and no queue.
#pragma once

#include "runtime/disk.hpp"

namespace jst::runtime_asio {

/// Bytes that one system call writes on ext4 and xfs, where memory for longer runs is dear (WriteRuns).
inline constexpr std::size_t most_written_at_once = 32u << 10;

/// What an opened file is to system calls. In one word it travels in the `extra` of an operation.
struct OpenFile {
    int fd = -1;               // none: a path is meant
    bool cuts_writes = false;  // no call writes more than most_written_at_once

    std::uint64_t packed() const noexcept { return std::uint64_t{cuts_writes} << 32 | static_cast<std::uint32_t>(fd); }
    static OpenFile from(std::uint64_t word) noexcept {
        return {static_cast<int>(static_cast<std::uint32_t>(word)), word >> 32 != 0};
    }
};

/// Does `op` and sets its error and results. `file` is op.file; open and lock put theirs into op.extra.
void perform(runtime::DiskOp& op, OpenFile file) noexcept;

enum class Cached : std::uint8_t { done, not_cached, unsupported };

/// A read that takes only what the page cache has. Not `done`: nothing of `op` may be used, perform() it on a worker.
Cached read_cached(runtime::DiskOp& op, int fd) noexcept;

}  // namespace jst::runtime_asio
