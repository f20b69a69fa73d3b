// Bytes of a file read where the page cache has them, without a copy.
//
// Who cuts a file takes its pages away, and a disk may fail to bring one back: then the kernel sends SIGBUS to whoever
// reads them. Our handler puts zeros there and takes note, so a reader goes on, asks is_whole() when it is done, and
// reads in the ordinary way if not. What is no mapping of ours goes to the handler that was there before. Made only of
// what the page cache holds; nullopt where the kernel cannot tell (before 6.5), where somebody else has taken SIGBUS
// since or this thread blocks it, and for small or missing parts: whoever asks must be able to copy. Any thread; who
// made one reads it. Invariants: 1. at most most_at_once at a time; 2. the handler touches nothing but the table and
// the mapping itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace jst::runtime_asio {

class GuardedMapping {
  public:
    static constexpr std::size_t most_at_once = 16;
    static constexpr std::size_t least_bytes = 1u << 20;  // less is copied sooner than mapped

    /// The file must be open as long as this lives.
    static std::optional<GuardedMapping> of(int fd, std::uint64_t offset, std::size_t length) noexcept;
    GuardedMapping(GuardedMapping&& other) noexcept;
    GuardedMapping& operator=(GuardedMapping&&) = delete;
    ~GuardedMapping();

    Bytes bytes() const noexcept { return bytes_; }
    /// False: something was taken away while it was read, and what was made of bytes() means nothing.
    bool is_whole() const noexcept;

  private:
    GuardedMapping(int fd, std::uint64_t end, std::size_t slot, Bytes bytes) noexcept
        : fd_(fd), end_(end), slot_(slot), bytes_(bytes) {}
    int fd_;
    std::uint64_t end_;
    std::size_t slot_;
    Bytes bytes_;
};

}  // namespace jst::runtime_asio
