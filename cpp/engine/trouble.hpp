// What is wrong with a torrent's files: where, when it tries again, an operation that hangs, bytes that are in doubt.
//
// A plain value of the torrent, which acts on it. Does not know the error itself, nor what an error means.
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
};

}  // namespace jst::engine
