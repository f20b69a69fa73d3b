// The network, the clocks and the disks of a simulated world, as a laboratory sets and breaks them.
#include <cmath>

#include "bind/lab_world.hpp"
#include "runtime_sim/compute.hpp"
#include "runtime_sim/disk.hpp"
#include "runtime_sim/network.hpp"

namespace jst::bind {
namespace {

using runtime_sim::CutHow;
using runtime_sim::Traffic;
using runtime_sim::World;

Traffic traffic_of(const std::optional<std::string>& only) {
    if (!only) return Traffic::all;
    if (*only == "tcp") return Traffic::streams;
    if (*only == "udp") return Traffic::datagrams;
    throw py::value_error("no such traffic: " + *only + " (known: tcp, udp)");
}

std::uint32_t ppm_of(double p) {
    if (!(p >= 0 && p <= 1)) throw py::value_error("a chance lies between 0 and 1");
    return static_cast<std::uint32_t>(p * 1e6 + 0.5);
}

// What is not told stays as it is.
void set_link(World& world, std::uint32_t a, std::uint32_t b, const py::kwargs& given) {
    const auto from = node_of(world, a);
    const auto to = node_of(world, b);
    runtime_sim::LinkSettings settings = world.topology().link(from, to).settings;
    bool one_way = false;
    for (const auto& [key, value] : given) {
        const auto name = key.cast<std::string>();
        if (name == "latency")
            settings.latency = seconds_of(value.cast<double>());
        else if (name == "jitter")
            settings.jitter = seconds_of(value.cast<double>());
        else if (name == "rate")
            settings.rate = value.cast<std::uint64_t>();
        else if (name == "window")
            settings.window = value.cast<std::uint64_t>();
        else if (name == "loss")
            settings.loss_ppm = ppm_of(value.cast<double>());
        else if (name == "duplicate")
            settings.duplicate_ppm = ppm_of(value.cast<double>());
        else if (name == "reorder")
            settings.reorder_ppm = ppm_of(value.cast<double>());
        else if (name == "one_way")
            one_way = value.cast<bool>();
        else
            throw py::type_error("no such link setting: " + name);
    }
    world.network().set_link(from, to, settings, one_way);
}

void set_access(World& world, std::uint32_t number, std::uint64_t up, std::uint64_t down, double latency,
                double jitter) {
    world.topology().set_access(node_of(world, number), {up, down, seconds_of(latency), seconds_of(jitter)});
}

CutHow cut_of(const std::string& word) {
    if (word == "fin") return CutHow::fin;
    if (word == "rst") return CutHow::rst;
    if (word == "blackhole") return CutHow::blackhole;
    throw py::value_error("no such way to cut: " + word + " (known: blackhole, fin, rst)");
}

// As a part of 2^64; the nearest below for 1.
std::uint64_t chance_of(double p) {
    if (!(p >= 0 && p <= 1)) throw py::value_error("a chance lies between 0 and 1");
    return p == 1 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(std::ldexp(p, 64));
}

void bind_stream_faults(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world
        .def(
            "cut_after",
            [](World& self, std::uint32_t a, std::uint32_t b, std::uint64_t bytes, const std::string& how) {
                self.network().connections().cut_after(node_of(self, a), node_of(self, b), bytes, cut_of(how));
            },
            "a"_a, "b"_a, "bytes"_a, "how"_a)
        .def(
            "corrupt",
            [](World& self, std::uint32_t a, std::uint32_t b, double p) {
                self.topology().set_corrupt(node_of(self, a), node_of(self, b), chance_of(p));
            },
            "a"_a, "b"_a, "p"_a);
}

}  // namespace

void bind_lab_world_faults(py::class_<World, WorldHandle>& world) {
    using namespace py::literals;
    world.def("link", &set_link, "a"_a, "b"_a)
        .def("access", &set_access, "node"_a, "up"_a = 0, "down"_a = 0, "latency"_a = 0.0, "jitter"_a = 0.0)
        .def(
            "window",
            [](World& self, std::uint32_t a, std::uint32_t b) {
                return self.topology().link(node_of(self, a), node_of(self, b)).window;
            },
            "a"_a, "b"_a)
        .def(
            "fragment",
            [](World& self, std::uint32_t a, std::uint32_t b, std::vector<std::uint32_t> sizes) {
                self.topology().set_fragments(node_of(self, a), node_of(self, b), std::move(sizes));
            },
            "a"_a, "b"_a, "sizes"_a)
        .def(
            "split",
            [](World& self, std::uint32_t a, std::uint32_t b, std::uint64_t nbytes) {
                self.topology().split(node_of(self, a), node_of(self, b), nbytes);
            },
            "a"_a, "b"_a, "nbytes"_a)
        .def(
            "partition",
            [](World& self, std::uint32_t a, std::uint32_t b, bool one_way, const std::optional<std::string>& only) {
                self.network().partition(node_of(self, a), node_of(self, b), traffic_of(only), one_way);
            },
            "a"_a, "b"_a, "one_way"_a = false, "only"_a = py::none())
        .def(
            "set_name",
            [](World& self, const std::string& name, const std::vector<std::string>& hosts) {
                std::vector<IpAddress> addresses;
                for (const auto& host : hosts) addresses.push_back(value_or_raise(IpAddress::parse(host), host));
                self.network().set_name(name, std::move(addresses));
            },
            "name"_a, "hosts"_a)
        .def(
            "lookup",
            [](World& self, const std::string& name) {
                std::vector<std::string> hosts;
                for (const auto& address : self.network().lookup(name)) hosts.push_back(address.to_string());
                return hosts;
            },
            "name"_a)
        .def("heal", [](World& self) { self.network().heal(); })
        .def(
            "hold",
            [](World& self, std::uint32_t a, std::uint32_t b) {
                self.network().hold(node_of(self, a), node_of(self, b));
            },
            "a"_a, "b"_a)
        .def(
            "release",
            [](World& self, std::uint32_t a, std::uint32_t b) {
                self.network().release(node_of(self, a), node_of(self, b));
            },
            "a"_a, "b"_a)
        .def(
            "limit_sockets",
            [](World& self, std::uint32_t node, std::size_t most) {
                self.network().connections().limit_sockets(node_of(self, node), most);
            },
            "node"_a, "most"_a)
        .def_property_readonly("connections", [](World& self) { return self.network().connections().size(); })
        .def(
            "jump_mono",
            [](World& self, std::uint32_t node, double s) { self.jump_mono(node_of(self, node), seconds_of(s)); },
            "node"_a, "seconds"_a)
        .def(
            "jump_wall",
            [](World& self, std::uint32_t node, double s) { self.jump_wall(node_of(self, node), from_seconds(s)); },
            "node"_a, "seconds"_a)
        .def(
            "set_compute",
            [](World& self, std::uint32_t node, std::uint64_t rate, double latency) {
                self.compute(node_of(self, node)).set({rate, seconds_of(latency)});
            },
            "node"_a, "rate"_a, "latency"_a = 0.0)
        .def(
            "set_disk",
            [](World& self, std::uint32_t node, std::uint64_t rate, double latency, double sync_latency) {
                self.disk(node_of(self, node)).set({rate, seconds_of(latency), seconds_of(sync_latency)});
            },
            "node"_a, "rate"_a, "latency"_a = 0.0001, "sync_latency"_a = 0.002);
    bind_stream_faults(world);
}

}  // namespace jst::bind
