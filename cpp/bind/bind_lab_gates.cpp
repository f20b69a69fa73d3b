// The gates of a laboratory: set, read, opened and removed from Python; matched and recorded in C++.
#include "bind/engine_handle.hpp"
#include "bind/fact_judge.hpp"
#include "runtime_fault/instruments.hpp"

namespace jst::bind {
namespace {

using runtime_fault::GateAction;
using runtime_fault::GateConditions;
using runtime_fault::GateFacts;
using runtime_fault::GateId;
using runtime_fault::GatePlace;
using runtime_fault::GatePoint;
using runtime_fault::GateSpec;
using runtime_fault::Instruments;

template <class T>
std::optional<T> given(const py::dict& words, const char* key) {
    return words.contains(key) ? std::optional<T>(words[key].cast<T>()) : std::nullopt;
}

GateConditions conditions_of(const py::dict& where) {
    GateConditions wanted;
    wanted.node = given<std::string>(where, "node");
    if (const auto torrent = given<py::bytes>(where, "torrent")) wanted.torrent = std::string(*torrent);
    wanted.path = given<std::string>(where, "path");
    wanted.op = given<std::string>(where, "op");
    wanted.piece = given<std::uint32_t>(where, "piece");
    wanted.begin = given<std::uint32_t>(where, "begin");
    if (const auto host = given<std::string>(where, "host"))
        wanted.host = value_or_raise(IpAddress::parse(*host), *host);
    wanted.port = given<std::uint16_t>(where, "port");
    return wanted;
}

GatePoint point_of(const std::string& word) {
    const auto& rows = runtime_fault::gate_points();
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].word == word) return static_cast<GatePoint>(i);
    throw py::value_error("no such point: " + word);
}

GateAction action_of(const std::string& word) {
    if (word == "hold") return GateAction::hold;
    if (word == "observe") return GateAction::observe;
    if (word == "fail") return GateAction::fail;
    if (word == "crash") return GateAction::crash;
    throw py::value_error("no such action: " + word);
}

GateId add(Instruments& self, const std::string& point, const std::string& action, std::uint64_t nth,
           std::optional<std::uint64_t> times, const std::string& mode, const std::string& error,
           const py::dict& where) {
    GateSpec spec{point_of(point), action_of(action), nth, times, mode, errc_of(error), conditions_of(where)};
    if (spec.action == GateAction::fail && spec.error == Errc::ok) throw py::value_error("no such error: " + error);
    return self.gates.add(std::move(spec));
}

py::tuple to_tuple(const GateFacts& hit) {
    const py::object none = py::none();
    const auto text = [&](std::string_view s) { return s.empty() ? none : py::object(py::str(s.data(), s.size())); };
    const py::object torrent = hit.torrent.empty() ? none : py::object(py::bytes(hit.torrent));
    const py::object peer = hit.peer ? py::object(py::make_tuple(hit.peer->host.to_string(), hit.peer->port)) : none;
    return py::make_tuple(hit.time.ns, hit.node, torrent, hit.piece, hit.begin, peer, text(hit.path), text(hit.op));
}

py::list hits(const Instruments& self, GateId gate, std::size_t from) {
    py::list found;
    for (const auto& hit : self.gates.hits(gate, from)) found.append(to_tuple(hit));
    return found;
}

py::list points() {
    py::list rows;
    for (const auto& row : runtime_fault::gate_points()) {
        const bool in_turn = row.place == GatePlace::turn;
        rows.append(py::make_tuple(std::string(row.word), in_turn, std::string(row.when), std::string(row.keys)));
    }
    return rows;
}

// What the engine holds for the gate is performed in a turn of its own; nothing where the engine is gone.
void release(EngineHandle& engine, GateId gate) {
    engine.check_process();
    auto& outlet = engine.outlet();
    const auto any = std::make_shared<bool>(false);
    engine.door().query(
        [&outlet, any, gate](engine::Session&) { *any = outlet.gated() != nullptr && outlet.gated()->holds(gate); });
    if (*any) engine.door().command([&outlet, gate](engine::Session&) { outlet.gated()->release(gate); });
}

}  // namespace

void bind_lab_gates(py::module_& module) {
    using namespace py::literals;
    auto lab = module.def_submodule("lab");
    py::class_<Instruments, std::shared_ptr<Instruments>>(lab, "Instruments")
        .def(py::init<>())
        .def(
            "add_watcher",
            [](Instruments& self, const std::shared_ptr<FactJudge>& judge) { self.watchers.push_back(judge); },
            "judge"_a)
        .def("add_gate", &add, "point"_a, "action"_a, "nth"_a, "times"_a, "mode"_a, "error"_a, "where"_a)
        .def(
            "remove_gate", [](Instruments& self, GateId gate) { self.gates.remove(gate); }, "gate"_a)
        .def(
            "open_gate", [](Instruments& self, GateId gate) { self.gates.open(gate); }, "gate"_a)
        .def(
            "hit_count", [](const Instruments& self, GateId gate) { return self.gates.hit_count(gate); }, "gate"_a)
        .def("hits", &hits, "gate"_a, "first"_a = 0,
             "Tuples: time in ns, node, torrent, piece, begin, peer, path, op.");
    lab.def("gate_points", &points, "Tuples: word, whether within a turn, when, the letters of its keys.");
    lab.def("release_gate", &release, "engine"_a, "gate"_a);
    lab.def("has_probe", [](EngineHandle& engine) {
        const auto found = std::make_shared<bool>(false);
        auto& outlet = engine.outlet();
        engine.door().query([&outlet, found](engine::Session&) { *found = outlet.gated() != nullptr; });
        return *found;
    });
}

}  // namespace jst::bind
