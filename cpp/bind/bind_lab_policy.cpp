#include "bind/lab_policy.hpp"

namespace jst::bind {

// The laboratory's doors to the decisions: facts in, answers out. For tests; no user needs them.
void bind_lab_policy(py::module_& module) {
    auto lab = module.def_submodule("lab");
    bind_lab_policy_transfer(lab);
    bind_lab_policy_peers(lab);
    bind_lab_policy_metadata(lab);
    bind_lab_policy_door(lab);
}

}  // namespace jst::bind
