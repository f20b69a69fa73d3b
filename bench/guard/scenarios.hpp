// Work whose cost is counted in instructions: no clock, no luck, no world but a simulated one.
//
// Each scenario prepares what it needs and gives back the work itself; only that is counted.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>

namespace jst::bench {

using Work = std::function<void()>;

Work bencode_work();
Work peer_wire_work();
Work picker_work();
Work transfer_work();

/// Work that went wrong must not be taken for cheap.
inline void demand(bool holds, unsigned line = __builtin_LINE()) {
    if (holds) return;
    std::fprintf(stderr, "line %u: the guarded work went wrong\n", line);
    std::abort();
}

}  // namespace jst::bench
