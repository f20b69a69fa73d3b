// What the bindings of simulated worlds share: handles, node numbers, seconds.
#pragma once

#include <memory>
#include <optional>

#include "bind/py.hpp"
#include "runtime_sim/world.hpp"

namespace jst::bind {

using WorldHandle = std::shared_ptr<runtime_sim::World>;

/// A node by its number; ValueError when there is none.
inline runtime_sim::NodeId node_of(const runtime_sim::World& world, std::uint32_t number) {
    if (number >= world.size()) throw py::value_error("no such node: " + std::to_string(number));
    return runtime_sim::NodeId(number);
}
/// ValueError for an unknown word.
runtime_sim::CrashMode crash_mode(const std::string& word);
inline Duration seconds_of(double s) {
    if (!(s >= 0)) throw py::value_error("a time is not negative");
    return from_seconds(s);
}
inline Time time_of(const std::optional<double>& s) { return s ? Time{} + seconds_of(*s) : Time::never(); }

void bind_lab_world_faults(py::class_<runtime_sim::World, WorldHandle>& world);
void bind_lab_world_disk(py::class_<runtime_sim::World, WorldHandle>& world);
void bind_lab_world_ledger(py::class_<runtime_sim::World, WorldHandle>& world);
void bind_lab_world_disk_faults(py::class_<runtime_sim::World, WorldHandle>& world);
void bind_lab_participant(py::module_& lab);
void bind_lab_judge(py::module_& lab);

}  // namespace jst::bind
