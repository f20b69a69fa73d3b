// What is wrong with a torrent's files: where, when it tries again, an operation that hangs, bytes that are in doubt.
//
// A plain value of the torrent, which acts on it. Does not know the error itself, nor what an error means.
// Invariant: 1. it is there from the first operation or error on, and gone at the end of a round in which it is over.
#pragma once

#include <string>

#include "base/bitfield.hpp"
#include "engine/timers.hpp"
#include "policy/disk_retry.hpp"

namespace jst::engine {

struct Trouble {
    std::string where;  // the path of the error
    policy::DiskRetry retry;
    Timer again;                   // tries
    Timer stuck;                   // looks at the oldest operation
    Bitfield doubted{};            // pieces to be read again while all goes on; empty: none
    bool is_reading = false;       // the check that runs is about those
    std::uint32_t unreadable = 0;  // pieces, since the files were looked at

    /// Nothing of it is worth keeping.
    bool is_over() const noexcept {
        return where.empty() && !retry.is_waiting() && !again.is_set() && !stuck.is_set() && doubted.none() &&
               !is_reading && unreadable == 0;
    }
};

/// What else a torrent waits for: that it counts as stalled, and that it has seeded enough.
struct Alarms {
    Timer stall;
    Timer goal;
};

}  // namespace jst::engine
