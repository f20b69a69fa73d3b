// The other end of a benchmark: fast plain seeders, and a sink that fetches.
//
//   bench_traffic seed FILE INFO_HASH PIECE_LENGTH [PARTS [STALL_AFTER]]   prints its port, serves until stdin ends
//   bench_traffic sink FILE INFO_HASH PIECE_LENGTH PORT CONNECTIONS       fetches the file once in all, prints seconds
//   bench_traffic idle FILE INFO_HASH PIECE_LENGTH PORT CONNECTIONS       shakes hands, stays until stdin ends
//
// It costs as little as it can, so that what is measured is the client at the other end.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "traffic/fetch.hpp"
#include "traffic/serve.hpp"

int main(int argc, char** argv) {
    using namespace jst::bench;
    const std::string role = argc > 1 ? argv[1] : "";
    if (argc < 5 || (role != "seed" && argc < 7))
        return std::fputs("see the head of bench/traffic/main.cpp\n", stderr), 2;
    const Content content = map_file(argv[2], argv[3], argv[4]);
    const auto number = [&](int at) { return at < argc ? static_cast<unsigned>(std::atoi(argv[at])) : 0; };
    if (role == "seed") return run_seed(content, {number(5), number(6)});
    const auto run = role == "idle" ? run_idle : run_sink;
    return run(content, static_cast<int>(number(5)), number(6));
}
