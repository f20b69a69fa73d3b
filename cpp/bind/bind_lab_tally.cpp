#include "bind/py.hpp"
#include "runtime_asio/tally.hpp"
#include "runtime_asio/thread_switches.hpp"

namespace jst::bind {

void bind_lab_tally(py::module_& module) {
    py::module_ lab = module.def_submodule("lab");
    lab.def("tally", [] {
        const auto& tally = runtime_asio::tally();
        py::dict counts;
        counts["hash_calls"] = tally.hash_calls.load();
        counts["hashed_messages"] = tally.hashed_messages.load();
        counts["patient_hashes"] = tally.patient_hashes.load();
        return counts;
    });
    lab.def("only_preempted", [](std::pair<long, long> before, std::pair<long, long> after) {
        return runtime_asio::ThreadSwitches{after.first, after.second}.only_preempted_since({before.first, before.second});
    });
    lab.def("thread_switches", [] {
        const auto now = runtime_asio::ThreadSwitches::now();
        return std::pair{now.waited, now.preempted};
    });
}

}  // namespace jst::bind
