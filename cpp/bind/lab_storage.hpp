// The halves of the laboratory's door to the storage room.
#pragma once

#include "bind/py.hpp"

namespace jst::bind {

void bind_lab_resume(py::module_& storage);

}  // namespace jst::bind
