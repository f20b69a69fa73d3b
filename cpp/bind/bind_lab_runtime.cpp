#include "bind/lab_runtime.hpp"
#include "runtime_asio/guarded_mapping.hpp"
#include "runtime_asio/place.hpp"

namespace jst::bind {
namespace {

std::unique_ptr<LabHost> make_host(const std::string& world, std::uint64_t seed, std::size_t max_sockets) {
    if (world == "asio") return std::make_unique<LabHost>(make_asio_world(seed, max_sockets));
    if (world == "sim") return std::make_unique<LabHost>(make_sim_world(seed, max_sockets));
    throw py::value_error("no such world: " + world);
}

void bind_event(py::module_& lab) {
    py::class_<LabEvent>(lab, "RuntimeEvent")
        .def_readonly("kind", &LabEvent::kind)
        .def_readonly("id", &LabEvent::id)
        .def_property_readonly("error", [](const LabEvent& e) { return std::string(word(e.error)); })
        .def_readonly("value", &LabEvent::value)
        .def_readonly("data", &LabEvent::data)
        .def_readonly("now", &LabEvent::now)
        .def_readonly("turn", &LabEvent::turn)
        .def_readonly("round", &LabEvent::round)
        .def_readonly("is_inline", &LabEvent::is_inline)
        .def_readonly("intact", &LabEvent::intact)
        .def_property_readonly("is_lent", [](const LabEvent& e) { return bool(e.lent); })
        .def("__repr__", [](const LabEvent& e) {
            return "<" + e.kind + " " + std::to_string(e.id) + " " + std::string(word(e.error)) + " " +
                   std::to_string(e.value) + ">";
        });
}

void bind_sockets(py::class_<LabHost>& host) {
    using namespace py::literals;
    const auto nothing = py::none();
    host.def("listen", &LabHost::listen, "at"_a)
        .def("accept", &LabHost::accept, "listener"_a, "then"_a = nothing)
        .def("connect", &LabHost::connect, "to"_a, "from_host"_a = "", "then"_a = nothing)
        .def("cancel_connect", &LabHost::cancel_connect, "op"_a)
        .def("resolve", &LabHost::resolve, "name"_a)
        .def("secure", &LabHost::secure, "stream"_a, "host"_a)
        .def("cancel_secure", &LabHost::cancel_secure, "op"_a)
        .def("readable", &LabHost::readable, "stream"_a, "sizes"_a = std::vector<std::size_t>{65536},
             "then"_a = nothing)
        .def("read_now", &LabHost::read_now, "stream"_a, "sizes"_a)
        .def("write", &LabHost::write, "stream"_a, "spans"_a, "then"_a = nothing)
        .def("write_lent", &LabHost::write_lent, "stream"_a, "read"_a)
        .def("shutdown_send", &LabHost::shutdown_send, "stream"_a)
        .def("close", &LabHost::close, "thing"_a, "abort"_a = false)
        .def("cancel", &LabHost::cancel, "stream"_a)
        .def("drop", &LabHost::drop, "thing"_a)
        .def("low_water", &LabHost::low_water, "stream"_a, "bytes"_a)
        .def("local", &LabHost::local, "thing"_a)
        .def("remote", &LabHost::remote, "stream"_a)
        .def("open_udp", &LabHost::open_udp, "at"_a)
        .def("udp_readable", &LabHost::udp_readable, "socket"_a, "most"_a = 16)
        .def("udp_send", &LabHost::udp_send, "socket"_a, "batch"_a)
        .def_property_readonly("open_sockets", &LabHost::open_sockets);
}

void bind_host(py::module_& lab) {
    using namespace py::literals;
    py::class_<LabHost> host(lab, "RuntimeHost");
    host.def(py::init(&make_host), "world"_a, "seed"_a = 1, "max_sockets"_a = 0)
        .def_static(
            "with_slow_disk",
            [](double limit) { return std::make_unique<LabHost>(make_asio_world(1, 0, from_seconds(limit))); },
            "limit"_a)
        .def_static(
            "on",
            [](const std::shared_ptr<runtime_sim::World>& world, std::uint32_t node) {
                return std::make_unique<LabHost>(make_sim_world(world, node));
            },
            "world"_a, "node"_a)
        .def("round", &LabHost::round, "longest_wait"_a)
        .def("interrupt", &LabHost::interrupt, py::call_guard<WithoutGil>())
        .def("abandon", &LabHost::abandon)
        .def("command", &LabHost::command, "turn"_a)
        .def("take_events", &LabHost::take_events)
        .def("wake_after", &LabHost::wake_after, "delay"_a)
        .def("wake_over_and_over", &LabHost::wake_over_and_over, "times"_a)
        .def_property_readonly("now", &LabHost::now)
        .def_property_readonly("wall", &LabHost::wall)
        .def("luck", &LabHost::luck, "entity"_a, "purpose"_a, "n"_a)
        .def("secret", &LabHost::secret, "n"_a)
        .def("disk", [](LabHost& self, const std::string& action,
                        const py::kwargs& arguments) { return self.disk(action, arguments); })
        .def_property_readonly("disk_pending", &LabHost::disk_pending)
        .def(
            "hash",
            [](LabHost& self, const std::vector<py::bytes>& spans, bool sha1, bool sha256, bool leaves, bool bulk,
               bool patient, bool while_busy) {
                const auto patience = while_busy ? runtime::Patience::while_busy
                                      : patient  ? runtime::Patience::patient
                                                 : runtime::Patience::none;
                return self.hash(spans, sha1, sha256, leaves, bulk, patience);
            },
            "spans"_a, "sha1"_a = false, "sha256"_a = false, "leaves"_a = false, "bulk"_a = false, "patient"_a = false,
            "while_busy"_a = false)
        .def("spoil", &LabHost::spoil, "op"_a)
        .def("new_state", &LabHost::new_state)
        .def("hash_more", &LabHost::hash_more, "state"_a, "spans"_a, "last"_a = false, "bulk"_a = false)
        .def_property_readonly("hash_pending", &LabHost::hash_pending);
    bind_sockets(host);
}

}  // namespace

void bind_lab_runtime(py::module_& module) {
    auto lab = module.def_submodule("lab");
    bind_event(lab);
    bind_host(lab);
    lab.attr("runtime_worlds") = std::vector<std::string>{"asio", "sim"};
    py::class_<runtime_asio::GuardedMapping>(lab, "GuardedMapping")
        .def_static("of", &runtime_asio::GuardedMapping::of, py::arg("fd"), py::arg("offset"), py::arg("length"))
        .def("read",
             [](const runtime_asio::GuardedMapping& m) {
                 return to_python(ByteVector(m.bytes().begin(), m.bytes().end()));
             })
        .def_property_readonly("is_whole", &runtime_asio::GuardedMapping::is_whole)
        .def_readonly_static("most_at_once", &runtime_asio::GuardedMapping::most_at_once)
        .def_readonly_static("least_bytes", &runtime_asio::GuardedMapping::least_bytes);
    lab.def("set_openat2_missing", &runtime_asio::set_openat2_missing);
    lab.def("broken_rule", [] { JST_CHECK(false, "a rule broken on purpose"); });
}

}  // namespace jst::bind
