// bench_guard NAME: does the work of one scenario once. To be run by bench/guard.py, which has its instructions
// counted.
#include <cstdio>
#include <string>

#include "guard/scenarios.hpp"

// The counter is switched on and off by this name.
extern "C" [[gnu::noinline]] void guarded(const jst::bench::Work& work) { work(); }

namespace {

struct Scenario {
    const char* name;
    jst::bench::Work (*prepare)();
};

constexpr Scenario scenarios[] = {{"bencode", jst::bench::bencode_work},
                                  {"peer_wire", jst::bench::peer_wire_work},
                                  {"picker", jst::bench::picker_work},
                                  {"transfer", jst::bench::transfer_work}};

}  // namespace

int main(int argc, char** argv) {
    const std::string name = argc > 1 ? argv[1] : "";
    for (const Scenario& scenario : scenarios) {
        if (name == scenario.name) return guarded(scenario.prepare()), 0;
    }
    return std::fputs("bench_guard bencode|peer_wire|picker|transfer\n", stderr), 2;
}
