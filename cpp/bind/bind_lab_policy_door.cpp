// Doors to who may come in and who has to go: the doorkeeper, and the choice of links beyond a lowered limit.
#include "bind/lab_policy.hpp"
#include "policy/doorkeeper.hpp"
#include "policy/replacement.hpp"

namespace jst::bind {
namespace {

using namespace policy;
using Cap = std::optional<std::uint64_t>;

py::tuple judge(const Doorkeeper& door, const std::string& host, Cap most, Cap per_host, double now) {
    static constexpr const char* words[] = {"come_in", "wait", "turn_away"};
    const auto answer = door.judge(to_host(host), {most, per_host}, to_time(now));
    const auto instead = answer.instead_of ? std::optional(answer.instead_of->packed()) : std::nullopt;
    return py::make_tuple(words[static_cast<int>(answer.verdict)], instead, to_seconds(answer.again));
}

std::optional<std::uint64_t> excess(const Doorkeeper& door, Cap most, Cap per_host, double now) {
    const auto one = door.excess({most, per_host}, to_time(now));
    return one ? std::optional(one->packed()) : std::nullopt;
}

}  // namespace

void bind_lab_policy_door(py::module_& lab) {
    py::class_<Doorkeeper>(lab, "Doorkeeper")
        .def(py::init<>())
        .def("judge", &judge, py::arg("host"), py::arg("most"), py::arg("per_host"), py::arg("now"))
        .def("excess", &excess, py::arg("most"), py::arg("per_host"), py::arg("now"))
        .def("on_let_in", [](Doorkeeper& d, std::uint64_t key, const std::string& host,
                             double now) { d.on_let_in(to_peer(key), to_host(host), to_time(now)); })
        .def("on_identified", [](Doorkeeper& d, std::uint64_t key) { d.on_identified(to_peer(key)); })
        .def("on_lapsed", [](Doorkeeper& d, std::uint64_t key, double now) { d.on_lapsed(to_peer(key), to_time(now)); })
        .def("on_left", [](Doorkeeper& d, std::uint64_t key) { d.on_left(to_peer(key)); })
        .def("__len__", &Doorkeeper::size)
        .def("size_of", [](const Doorkeeper& d, const std::string& host) { return d.size_of(to_host(host)); })
        .def("is_doubted", [](const Doorkeeper& d, const std::string& host,
                              double now) { return d.is_doubted(to_host(host), to_time(now)); })
        .def_property_readonly("num_doubted", &Doorkeeper::num_doubted)
        .def_property_readonly_static("patience", [](const py::object&) { return Doorkeeper::patience.seconds(); })
        .def_property_readonly_static("doubt", [](const py::object&) { return Doorkeeper::doubt.seconds(); })
        .def_property_readonly_static("max_doubted", [](const py::object&) { return Doorkeeper::max_doubted; });
    // One peer: (peer, connected_at, is_mute).
    lab.def("choose_for_newcomer",
            [](const std::vector<std::tuple<std::uint64_t, double, bool>>& peers, double now) -> Cap {
                std::vector<IdleFacts> facts;
                for (const auto& [key, connected, mute] : peers)
                    facts.push_back({to_peer(key), to_time(connected), mute});
                const auto chosen = choose_for_newcomer(facts, to_time(now));
                return chosen ? Cap(chosen->packed()) : std::nullopt;
            });
    lab.def("choose_excess",
            [](const std::vector<std::tuple<std::uint64_t, std::uint64_t, double>>& peers, std::uint64_t excess_links) {
                std::vector<ExcessFacts> facts;
                for (const auto& [key, rate, connected] : peers)
                    facts.push_back({to_peer(key), rate, to_time(connected)});
                std::vector<std::uint64_t> out;
                for (const PeerKey key : choose_excess(std::move(facts), excess_links)) out.push_back(key.packed());
                return out;
            });
}

}  // namespace jst::bind
