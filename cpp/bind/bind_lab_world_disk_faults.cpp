// Faults of simulated disks, by the words of the laboratory.
#include <map>

#include "bind/lab_world.hpp"
#include "runtime_sim/disk.hpp"

namespace jst::bind {
namespace {

using runtime::DiskAction;
using runtime_sim::bit_of;
using runtime_sim::DiskFault;
using runtime_sim::DiskFaults;
using runtime_sim::World;
using Range = std::pair<std::uint64_t, std::uint64_t>;

constexpr std::uint32_t each_action = (bit_of(DiskAction::lock) << 1) - 1;

// What users name. A close that fails says nothing that anybody could act on, so "any" is all others.
const std::map<std::string, std::uint32_t>& actions() {
    static const std::map<std::string, std::uint32_t> words{
        {"open", bit_of(DiskAction::open)},         {"read", bit_of(DiskAction::read)},
        {"write", bit_of(DiskAction::write)},       {"allocate", bit_of(DiskAction::allocate)},
        {"truncate", bit_of(DiskAction::truncate)}, {"rename", bit_of(DiskAction::rename)},
        {"unlink", bit_of(DiskAction::unlink)},     {"sync", bit_of(DiskAction::sync_file)},
        {"sync_dir", bit_of(DiskAction::sync_dir)}, {"any", each_action & ~bit_of(DiskAction::close)},
    };
    return words;
}

// As a kernel names them; both worlds give the same error for each (runtime_asio/errors).
const std::map<std::string, Errc>& errors() {
    static const std::map<std::string, Errc> words{
        {"EACCES", Errc::permission},      {"EDQUOT", Errc::disk_quota},
        {"EFBIG", Errc::file_too_large},   {"EIO", Errc::disk_io},
        {"EMFILE", Errc::too_many_open},   {"ENAMETOOLONG", Errc::name_too_long},
        {"ENFILE", Errc::too_many_open},   {"ENOENT", Errc::not_found},
        {"ENOMEM", Errc::out_of_memory},   {"ENOSPC", Errc::disk_full},
        {"EPERM", Errc::permission},       {"EROFS", Errc::read_only},
        {"ETIMEDOUT", Errc::disk_timeout}, {"EXDEV", Errc::cross_device},
    };
    return words;
}

template <class Words>
py::list keys(const Words& words) {
    py::list out;
    for (const auto& [word, value] : words) out.append(word);
    return out;
}

DiskFaults& faults_of(World& world, std::uint32_t node) { return world.disk(node_of(world, node)).faults(); }

DiskFaults::Id fail_disk(World& world, std::uint32_t node, const std::string& op, std::uint64_t nth,
                         const std::string& error, std::uint64_t times, const std::string& path,
                         const std::optional<Range>& offset) {
    DiskFault fault;
    fault.actions = actions().at(op);
    fault.path = path;
    fault.nth = nth;
    fault.times = times;
    if (offset) std::tie(fault.low, fault.high) = *offset;
    if (offset || error == "short") {
        constexpr auto bytes = bit_of(DiskAction::read) | bit_of(DiskAction::write);
        fault.actions &= error == "short" ? bytes : bytes | bit_of(DiskAction::truncate) | bit_of(DiskAction::allocate);
    }
    fault.is_short = error == "short";
    if (!fault.is_short) fault.error = errors().at(error);
    return faults_of(world, node).add(std::move(fault));
}

DiskFaults::Id stall_disk(World& world, std::uint32_t node, double seconds, const std::string& op,
                          const std::string& path) {
    DiskFault fault;
    fault.actions = op == "any" ? each_action : actions().at(op);
    fault.path = path;
    fault.delay = seconds_of(seconds);
    return faults_of(world, node).add(std::move(fault));
}

}  // namespace

void bind_lab_world_disk_faults(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world.attr("disk_ops") = keys(actions());
    world.attr("disk_errors") = keys(errors());
    world
        .def("disk_fail", &fail_disk, "node"_a, "op"_a, "nth"_a, "error"_a, "times"_a, "path"_a, "offset"_a,
             "What is known of op and error: disk_ops, disk_errors and \"short\". times 0: for ever.")
        .def("disk_stall", &stall_disk, "node"_a, "seconds"_a, "op"_a, "path"_a)
        .def(
            "disk_fault_hits",
            [](World& self, std::uint32_t node, DiskFaults::Id id) -> std::optional<std::uint64_t> {
                const auto* fault = faults_of(self, node).find(id);
                return fault == nullptr ? std::nullopt : std::optional(fault->hits);
            },
            "node"_a, "id"_a)
        .def(
            "disk_clear_fault",
            [](World& self, std::uint32_t node, DiskFaults::Id id) { faults_of(self, node).remove(id); }, "node"_a,
            "id"_a);
}

}  // namespace jst::bind
