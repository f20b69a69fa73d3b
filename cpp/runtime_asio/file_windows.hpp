// Files as memory, a window at a time: what is sent to peers need not be copied out of the page cache first.
//
// Lends only what the page cache holds this moment, so that no send waits for a disk; what it does not lend is read in
// the ordinary way. The last windows stay mapped for the next run beside; one that is lent lives until it was sent.
// Pages of them count as memory of files (RssFile) and belong to the page cache. Nobody here reads them: see
// runtime::Lent. On the engine thread only. Invariants: 1. at most most_kept stay, and most_mapped are mapped with
// those that wait to be sent: peers that read nothing cannot use up what a process may map; 2. what is lent lay within
// the file when it was lent.
#pragma once

#include <memory>
#include <vector>

#include "runtime/disk.hpp"

namespace jst::runtime_asio {

class FileWindows {
  public:
    static constexpr std::uint64_t window_bytes = 4u << 20;
    static constexpr std::uint64_t longest_lent = 1u << 20;  // windows overlap by so much: no run lies across two
    static constexpr std::size_t most_kept = 16;
    static constexpr std::size_t most_mapped = 256;

    /// Answers a read of the file `handle` with what lies in the page cache; false: read it.
    bool lend(runtime::DiskOp& op, std::uint64_t handle, int fd);
    void forget(std::uint64_t handle) noexcept;

  private:
    class Mapping;
    struct Window {
        std::uint64_t handle = 0;
        std::uint64_t index = 0;
        std::shared_ptr<const Mapping> mapping;
    };
    const Mapping* find(std::uint64_t handle, std::uint64_t index, int fd);

    std::vector<Window> kept_;             // the last used at the end
    std::shared_ptr<std::size_t> mapped_;  // shared with the mappings: they may outlive us
};

}  // namespace jst::runtime_asio
