#include <string>

#include "bind/py.hpp"

namespace jst::bind {

void bind_bencode(py::module_& module);
void bind_lab_codec(py::module_& module);
void bind_lab_door(py::module_& module);
void bind_lab_events(py::module_& module);
void bind_lab_gates(py::module_& module);
void bind_lab_storage(py::module_& module);
void bind_lab_hash_lanes(py::module_& module);
void bind_lab_plants(py::module_& module);
void bind_lab_runtime(py::module_& module);
void bind_lab_tally(py::module_& module);
void bind_magnet(py::module_& module);
void bind_metadata(py::module_& module);
void bind_session(py::module_& module);
void bind_settings(py::module_& module);
void bind_lab_wire(py::module_& module);
void bind_lab_peer_wire(py::module_& module);
void bind_lab_policy(py::module_& module);
void bind_lab_tracker(py::module_& module);
void bind_lab_truth(py::module_& module);
void bind_lab_world(py::module_& module);

namespace {

void bind_laboratory(py::module_& module) {
    bind_lab_codec(module);
    bind_lab_door(module);
    bind_lab_events(module);
    bind_lab_storage(module);
    bind_lab_hash_lanes(module);
    bind_lab_plants(module);
    bind_lab_runtime(module);
    bind_lab_wire(module);
    bind_lab_peer_wire(module);
    bind_lab_policy(module);
    bind_lab_tracker(module);
    bind_lab_truth(module);
    bind_lab_world(module);
}

// The laboratory is most of what there is to bind, and a download needs none of it: all of it is bound, once, when
// somebody looks in `lab` for a name that is not there yet (PEP 562).
void bind_laboratory_later(py::module_& module) {
    const auto core_name = py::cast<std::string>(module.attr("__name__"));
    // It stays when it has done its work: whoever looks up a name calls it without a reference of their own.
    module.def_submodule("lab").def("__getattr__", [core_name, is_bound = false](const std::string& name) mutable {
        // Names with underscores are what the machinery of imports asks any module for.
        if (is_bound || name.starts_with("__"))
            throw py::attribute_error("module '" + core_name + ".lab' has no attribute '" + name + "'");
        is_bound = true;
        auto core = py::module_::import(core_name.c_str());
        bind_laboratory(core);
        return py::object(core.attr("lab").attr(name.c_str()));
    });
}

void bind_all(py::module_& module) {
    module.attr("version") = JST_VERSION;
    bind_errors(module);
    bind_bencode(module);
    bind_magnet(module);
    bind_metadata(module);
    bind_settings(module);
    bind_lab_gates(module);
    bind_session(module);
    bind_lab_tally(module);
    bind_laboratory_later(module);
}

}  // namespace
}  // namespace jst::bind

// pybind11's own entry goes by another name: in a sub-interpreter it would wait for ever for the lock that its caller
// holds.
#define PyInit__core jst_pybind_entry
PYBIND11_MODULE(_core, module) { jst::bind::bind_all(module); }
#undef PyInit__core

extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
    if (PyInterpreterState_Get() == PyInterpreterState_Main()) return jst_pybind_entry();
    PyErr_SetString(PyExc_ImportError, "jstorrent can not be used in a sub-interpreter: use a thread or a process");
    return nullptr;
}
