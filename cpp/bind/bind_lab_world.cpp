#include <algorithm>

#include "bind/fact_judge.hpp"
#include "bind/lab_world.hpp"
#include "runtime_sim/compute.hpp"
#include "runtime_sim/network.hpp"
#include "runtime_sim/node.hpp"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace jst::bind {
namespace {

using runtime_sim::CrashMode;
using runtime_sim::World;

constexpr std::uint64_t rounds_between_signals = 1024;
constexpr std::size_t most_kept_memory = 64u << 20;   // free, but with the C library
constexpr std::size_t most_used_memory = 256u << 20;  // more than there was when Python looked last

// What worlds that have ended held goes back to the system: their payload lies in blocks that the C library keeps, and
// the largest wait for Python to find that nothing refers to them but themselves. A process that runs thousands of
// worlds would grow to the largest of all of them together.
void give_back_memory() {
#if defined(__GLIBC__)
    static std::size_t used_then = 0;  // what is in use for good is looked at once
    const std::size_t used = ::mallinfo2().uordblks;
    used_then = std::min(used_then, used);
    if (used > used_then + most_used_memory) {
        PyGC_Collect();
        used_then = ::mallinfo2().uordblks;
    }
    if (::mallinfo2().fordblks > most_kept_memory) ::malloc_trim(0);
#endif
}

void look_for_signals() {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

std::uint64_t run_until(World& world, double when) {
    const Time limit = time_of(when);
    std::uint64_t rounds = 0;
    while (world.step(limit))
        if (++rounds % rounds_between_signals == 0) look_for_signals();
    return rounds;
}

// Steps until the condition holds: it is asked at once and after every step. `after_step` is called in between, and may
// grow meanwhile. Nothing: a rule was broken, or the judge suspects more than what was excused, and somebody must see
// to that before the condition is asked again.
std::optional<bool> wait(World& world, const py::function& condition, double limit, const py::list& after_step,
                         bool heeds_rules, const FactJudge* judge, std::uint64_t excused) {
    const Time end = time_of(limit);
    const auto holds = [&] { return static_cast<bool>(py::bool_(condition())); };
    while (!holds()) {
        if (world.now() >= end) return holds();
        const bool more = world.step(end);
        for (const auto& call : after_step) call();
        if ((heeds_rules && world.broken_rules() > 0) || (judge != nullptr && judge->count() > excused))
            return std::nullopt;
        if (!more) return holds();
    }
    return true;
}

void bind_nodes(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world
        .def(
            "add_node",
            [](World& self, const std::string& name, const std::string& host) {
                return self.add_node(name, value_or_raise(IpAddress::parse(host), host)).value;
            },
            "name"_a, "host"_a)
        .def(
            "be_service", [](World& self, std::uint32_t node) { self.node(node_of(self, node)).be_service(); },
            "node"_a)
        .def("__len__", &World::size)
        .def(
            "name", [](World& self, std::uint32_t node) { return self.name(node_of(self, node)); }, "node"_a)
        .def(
            "host", [](World& self, std::uint32_t node) { return self.host(node_of(self, node)).to_string(); },
            "node"_a)
        .def(
            "start", [](World& self, std::uint32_t node) { self.start(node_of(self, node)); }, "node"_a)
        .def(
            "attached", [](World& self, std::uint32_t node) { return self.attached(node_of(self, node)); }, "node"_a)
        .def(
            "detach", [](World& self, std::uint32_t node) { self.detach(node_of(self, node)); }, "node"_a)
        .def(
            "abandon",
            [](World& self, std::uint32_t node, const std::string& mode) {
                self.abandon(node_of(self, node), crash_mode(mode));
            },
            "node"_a, "mode"_a = "drop-all");
}

void bind_time(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world.def_property_readonly("now", [](const World& self) { return self.now().seconds(); })
        .def_property_readonly("now_ns", [](const World& self) { return self.now().ns; })
        .def_property_readonly("next_event_time",
                               [](const World& self) -> std::optional<double> {
                                   const Time next = self.next_event_time();
                                   return next.is_never() ? std::nullopt : std::optional(next.seconds());
                               })
        .def(
            "step", [](World& self, std::optional<double> limit) { return self.step(time_of(limit)); },
            "limit"_a = py::none())
        .def("wait", &wait, "condition"_a, "limit"_a, "after_step"_a, "heeds_rules"_a, "judge"_a, "excused"_a)
        .def("run_until", &run_until, "when"_a)
        .def(
            "run_for",
            [](World& self, double span) { return run_until(self, (self.now() + seconds_of(span)).seconds()); },
            "seconds"_a)
        .def(
            "settle", [](World& self, double limit) { return self.settle(time_of(limit)); }, "limit"_a)
        .def_property_readonly("idle", &World::idle);
}

}  // namespace

CrashMode crash_mode(const std::string& word) {
    static constexpr std::pair<std::string_view, CrashMode> modes[] = {
        {"clean", CrashMode::clean},
        {"drop-all", CrashMode::drop_all},
        {"keep-prefix", CrashMode::keep_prefix},
        {"torn-512", CrashMode::torn_512},
        {"metadata-first", CrashMode::metadata_first},
        {"random", CrashMode::random},
    };
    std::string known;
    for (const auto& [name, mode] : modes) {
        if (name == word) return mode;
        known.append(known.empty() ? "" : ", ").append(name);
    }
    throw py::value_error("no such crash mode: " + word + " (known: " + known + ")");
}

void bind_lab_world(py::module_& module) {
    using namespace py::literals;
    auto lab = module.def_submodule("lab");
    py::class_<World, WorldHandle> world(lab, "World");
    world
        .def(py::init([](std::uint64_t seed) {
                 give_back_memory();
                 return std::make_shared<World>(seed);
             }),
             "seed"_a)
        .def_property_readonly("seed", &World::seed)
        .def_property_readonly("fingerprint", &World::fingerprint)
        .def_property_readonly("events", &World::events)
        .def_property_readonly("turns", &World::turns)
        .def_property_readonly("rounds", &World::rounds)
        .def_property_readonly("broken_rules", &World::broken_rules);
    bind_nodes(world);
    bind_time(world);
    bind_lab_world_faults(world);
    bind_lab_world_disk(world);
    bind_lab_world_ledger(world);
    bind_lab_world_disk_faults(world);
    bind_lab_participant(lab);
    bind_lab_judge(lab);
}

}  // namespace jst::bind
