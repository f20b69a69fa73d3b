// The disks of a simulated world as a laboratory reads and changes them: past all latency, durable at once.
#include "bind/lab_world.hpp"
#include "runtime_sim/disk.hpp"

namespace jst::bind {
namespace {

using runtime_sim::World;

constexpr std::uint64_t to_the_end = ~std::uint64_t{0};

runtime_sim::Disk& disk_of(World& world, std::uint32_t node) { return world.disk(node_of(world, node)); }

void raise_if_failed(const Result<void>& result, const std::string& path) {
    if (!result) raise(result.error(), path);
}

const char* word_of(runtime::FileKind kind) {
    switch (kind) {
        case runtime::FileKind::file:
            return "file";
        case runtime::FileKind::directory:
            return "directory";
        case runtime::FileKind::symlink:
            return "symlink";
        case runtime::FileKind::missing:
            return "missing";
        case runtime::FileKind::other:
            break;
    }
    return "other";
}

py::dict list(World& world, std::uint32_t node, const std::string& path) {
    py::dict entries;
    for (const auto& entry : value_or_raise(disk_of(world, node).files().list(path, 0), path))
        entries[py::str(entry.name)] = word_of(entry.kind);
    return entries;
}

}  // namespace

void bind_lab_world_disk(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world
        .def(
            "disk_read",
            [](World& self, std::uint32_t node, const std::string& path, std::uint64_t offset,
               std::optional<std::uint64_t> length) {
                return to_python(
                    value_or_raise(disk_of(self, node).read_file(path, offset, length.value_or(to_the_end)), path));
            },
            "node"_a, "path"_a, "offset"_a = 0, "length"_a = py::none())
        .def(
            "disk_write",
            [](World& self, std::uint32_t node, const std::string& path, std::uint64_t offset, const py::bytes& data) {
                raise_if_failed(disk_of(self, node).write_file(path, offset, view_of(data)), path);
            },
            "node"_a, "path"_a, "offset"_a, "data"_a)
        .def(
            "disk_truncate",
            [](World& self, std::uint32_t node, const std::string& path, std::uint64_t size) {
                raise_if_failed(disk_of(self, node).truncate_file(path, size), path);
            },
            "node"_a, "path"_a, "size"_a)
        .def(
            "disk_delete",
            [](World& self, std::uint32_t node, const std::string& path) {
                raise_if_failed(disk_of(self, node).delete_file(path), path);
            },
            "node"_a, "path"_a)
        .def(
            "disk_symlink",
            [](World& self, std::uint32_t node, const std::string& path, const std::string& target) {
                raise_if_failed(disk_of(self, node).files().symlink(path, target), path);
            },
            "node"_a, "path"_a, "target"_a)
        .def(
            "disk_exists",
            [](World& self, std::uint32_t node, const std::string& path) {
                return static_cast<bool>(disk_of(self, node).files().stat(path, 0));
            },
            "node"_a, "path"_a)
        .def(
            "disk_size",
            [](World& self, std::uint32_t node, const std::string& path) {
                return value_or_raise(disk_of(self, node).files().stat(path, 0), path).size;
            },
            "node"_a, "path"_a)
        .def("disk_list", &list, "node"_a, "path"_a)
        .def(
            "disk_quota",
            [](World& self, std::uint32_t node, std::optional<std::uint64_t> bytes, const std::string& under) {
                disk_of(self, node).files().set_quota(under, bytes);
            },
            "node"_a, "bytes"_a, "under"_a = "")
        .def(
            "disk_quota_hits",
            [](World& self, std::uint32_t node, const std::string& under) {
                return disk_of(self, node).files().quota_hits(under);
            },
            "node"_a, "under"_a)
        .def(
            "disk_durable",
            [](World& self, std::uint32_t node, const std::string& path) -> std::optional<py::bytes> {
                const auto bytes = disk_of(self, node).files().durable(path);
                if (!bytes && bytes.error().code == Errc::not_found) return std::nullopt;
                return to_python(value_or_raise(bytes, path));
            },
            "node"_a, "path"_a)
        .def(
            "disk_used", [](World& self, std::uint32_t node) { return disk_of(self, node).files().used(); }, "node"_a)
        .def(
            "disk_operations", [](World& self, std::uint32_t node) { return disk_of(self, node).operations(); },
            "node"_a);
}

}  // namespace jst::bind
