// The seeding end: one listening socket, reached at any address of the loopback network, so that one process can be
// many peers. The address that was dialled says which peer it is.
#pragma once

#include "traffic/link.hpp"

namespace jst::bench {

struct Manners {
    /// 0: every peer has everything. N: peer i of N has half of the pieces, and those that are its own alone; the
    /// others it announces one by one while it serves.
    unsigned parts = 0;
    /// 0: never. N: peer 0 falls silent when all of them together gave so many blocks; it goes on taking requests.
    unsigned stall_after = 0;
};

/// Prints its port. Where peer 0 is to fall silent: "stalled" and the monotonic second when it does, and in the end
/// "held" and the number of requests that it left unanswered. Serves until stdin ends.
int run_seed(const Content& content, const Manners& manners);

}  // namespace jst::bench
