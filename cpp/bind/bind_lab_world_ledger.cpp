// The books of a simulated world about its nodes, as oracles read them.
#include "bind/lab_world.hpp"
#include "runtime_sim/network.hpp"
#include "runtime_sim/node.hpp"
#include "runtime_sim/topology.hpp"

namespace jst::bind {
namespace {

using runtime_sim::World;

std::optional<double> when(Time time) { return time.is_never() ? std::nullopt : std::optional(time.seconds()); }

// Those from serial number `since` on: (serial, torrent, to, at, ended or None, connected or None, by_hand).
py::list dials(World& world, std::uint32_t number, std::uint64_t since) {
    py::list found;
    for (const auto& dial : world.node(node_of(world, number)).ledger().dials()) {
        if (dial.serial < since) continue;
        found.append(py::make_tuple(dial.serial, dial.torrent, dial.to.to_string(), dial.at.seconds(), when(dial.ended),
                                    when(dial.connected), dial.by_hand));
    }
    return found;
}

}  // namespace

void bind_lab_world_ledger(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world
        .def(
            "ledger",
            [](World& self, std::uint32_t number) {
                auto& node = self.node(node_of(self, number));
                const auto& ledger = node.ledger();
                py::dict facts;
                facts["received"] = ledger.bytes_received();
                facts["sent"] = ledger.bytes_sent();
                facts["service_received"] = ledger.service_received();
                facts["service_sent"] = ledger.service_sent();
                facts["arrivals"] = ledger.arrival_count();
                facts["writes"] = ledger.write_count();
                facts["dials"] = ledger.dial_count();
                facts["accepts"] = ledger.accept_count();
                facts["commands"] = ledger.command_count();
                facts["turns"] = node.turns();
                facts["life"] = node.incarnation();
                return facts;
            },
            "node"_a)
        .def(
            "is_blocked",
            [](World& self, std::uint32_t a, std::uint32_t b) {
                const auto from = node_of(self, a), to = node_of(self, b);
                const auto& link = self.topology().link(from, to);
                return link.streams_cut || link.held || self.network().connections().has_black_hole(from, to);
            },
            "a"_a, "b"_a)
        .def("dials", &dials, "node"_a, "since"_a = 0);
}

}  // namespace jst::bind
