// The fetching end: connections that each take a share of the file, and connections that only stand there.
#pragma once

#include "traffic/link.hpp"

namespace jst::bench {

/// Fetches the file once in all over so many connections, compares it, and prints the seconds that this took.
int run_sink(const Content& content, int port, unsigned connections);
/// Shakes hands so many times, prints "ready", and stays without a word until stdin ends.
int run_idle(const Content& content, int port, unsigned connections);

}  // namespace jst::bench
