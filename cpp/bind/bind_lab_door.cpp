// Breaks an engine on purpose, for the tests of what its door says then.
#include <stdexcept>

#include "base/check.hpp"
#include "bind/engine_handle.hpp"

namespace jst::bind {
namespace {

void break_rule(EngineHandle& engine) {
    engine.command([](engine::Session&) {
        JST_CHECK(false, "broken by a test");
        return Result<void>();
    });
}

// What no turn may throw: the engine thread ends by it.
void kill(EngineHandle& engine) {
    engine.command([](engine::Session&) -> Result<void> { throw std::runtime_error("killed by a test"); });
}

}  // namespace

void bind_lab_door(py::module_& module) {
    auto lab = module.def_submodule("lab");
    lab.def("break_rule", &break_rule, py::arg("engine"));
    lab.def("kill_engine", &kill, py::arg("engine"));
}

}  // namespace jst::bind
