// The choice of a planted bug: there only in the module of the target `planted`, and nothing at all in any other.
#include "base/effort.hpp"
#include "base/planted.hpp"
#include "bind/py.hpp"

namespace jst::bind {

#ifdef JST_PLANTED
namespace {

struct PlantEntry {
    Plant plant;
    const char* name;
    const char* what;
    const char* requirement;
};

constexpr PlantEntry entries[] = {
    {Plant::none, "none", "nothing", ""},
#define JST_PLANT(name, what, requirement) {Plant::name, #name, what, requirement},
#include "base/plants.def"
#undef JST_PLANT
};

void choose(const std::string& name) {
    for (const auto& entry : entries)
        if (name == entry.name) {
            chosen_plant = entry.plant;
            return;
        }
    throw py::value_error("no such plant: " + name);
}

py::dict plants() {
    py::dict all;
    for (const auto& entry : entries)
        if (entry.plant != Plant::none) all[entry.name] = py::make_tuple(entry.what, entry.requirement);
    return all;
}

}  // namespace

void bind_lab_plants(py::module_& module) {
    using namespace py::literals;
    auto lab = module.def_submodule("lab");
    lab.def("plant", &choose, "name"_a);
    lab.def("plants", &plants);
    lab.def("effort", [] { return effort_so_far; });
}
#else
void bind_lab_plants(py::module_&) {}
#endif

}  // namespace jst::bind
