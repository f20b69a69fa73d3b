#include "bind/py.hpp"
#include "runtime_asio/tally.hpp"

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
}

}  // namespace jst::bind
