#include "bind/py.hpp"

namespace jst::bind {
namespace {

void bind_all(py::module_& module) {
    bind_errors(module);
}

}  // namespace
}  // namespace jst::bind

PYBIND11_MODULE(_core, module) { jst::bind::bind_all(module); }
