// What the real runtime counts, and how it weighs what its calls cost.
#include "bind/py.hpp"
#include "runtime_asio/slow_device.hpp"
#include "runtime_asio/tally.hpp"
#include "runtime_asio/thread_switches.hpp"
#include "runtime_asio/write_runs.hpp"

namespace jst::bind {
namespace {

Time at(double now) noexcept { return Time{} + from_seconds(now); }

void bind_prices(py::module_& lab) {
    using namespace py::literals;
    using runtime_asio::SlowDevice;
    using runtime_asio::WriteRuns;
    py::class_<SlowDevice>(lab, "SlowDevice")
        .def(py::init([](double slow_call) { return SlowDevice(from_seconds(slow_call)); }), "slow_call"_a)
        .def(
            "on_call", [](SlowDevice& self, double took, double now) { self.on_call(from_seconds(took), at(now)); },
            "took"_a, "now"_a)
        .def("is_slow", [](const SlowDevice& self, double now) { return self.is_slow(at(now)); }, "now"_a);
    py::class_<WriteRuns>(lab, "WriteRuns")
        .def(py::init())
        .def(
            "on_write",
            [](WriteRuns& self, std::uint64_t bytes, double cpu) { self.on_write(bytes, from_seconds(cpu)); },
            "bytes"_a, "cpu"_a)
        .def_property_readonly("are_long", &WriteRuns::are_long)
        .def_readonly_static("first_try", &WriteRuns::first_try)
        .def_readonly_static("last_try", &WriteRuns::last_try)
        .def_readonly_static("tries", &WriteRuns::tries);
}

}  // namespace

void bind_lab_tally(py::module_& module) {
    py::module_ lab = module.def_submodule("lab");
    lab.def("tally", [] {
        const auto& tally = runtime_asio::tally();
        py::dict counts;
        counts["hash_calls"] = tally.hash_calls.load();
        counts["hashed_messages"] = tally.hashed_messages.load();
        counts["patient_hashes"] = tally.patient_hashes.load();
        counts["hurried_hashes"] = tally.hurried_hashes.load();
        return counts;
    });
    lab.def("only_preempted", [](std::pair<long, long> before, std::pair<long, long> after) {
        return runtime_asio::ThreadSwitches{after.first, after.second}.only_preempted_since(
            {before.first, before.second});
    });
    lab.def("thread_switches", [] {
        const auto now = runtime_asio::ThreadSwitches::now();
        return std::pair{now.waited, now.preempted};
    });
    bind_prices(lab);
}

}  // namespace jst::bind
