// What is done with the files of a torrent beside its transfer: the look at them, the check, making, removing,
// unparking.
//
// A plain value of the torrent, which begins each and hears of its end. Does not know when. Invariants: 1. each is
// there from when it is begun, and gone at the end of the round in which it has ended: an idle torrent has none of
// them; 2. what the look found stays until the check that follows from it has ended.
#pragma once

#include <memory>

#include "engine/checker.hpp"
#include "engine/file_sweeps.hpp"
#include "engine/unparking.hpp"

namespace jst::engine {

struct FileWork {
    std::unique_ptr<StatSweep> look;
    std::unique_ptr<Checker> check;
    std::unique_ptr<MakingSweep> making;
    std::unique_ptr<Unparking> unparking;
    std::unique_ptr<RemoveSweep> removal;  // stays: that it was done is known by it

    bool is_looking() const noexcept { return look && look->is_running(); }
    bool is_checking() const noexcept { return check && check->is_running(); }
    bool is_making() const noexcept { return making && making->is_running(); }
    bool is_unparking() const noexcept { return unparking && unparking->is_running(); }
    bool is_running() const noexcept { return is_looking() || is_checking() || is_making() || is_unparking(); }
    void cancel_check() noexcept {
        if (check) check->cancel();
    }
    /// The round ends: no handler of theirs runs any more.
    void free_ended() noexcept {
        if (!is_looking() && !is_checking()) look.reset();
        if (!is_checking()) check.reset();
        if (!is_making()) making.reset();
        if (unparking && !unparking->is_under_way()) unparking.reset();
    }
};

}  // namespace jst::engine
