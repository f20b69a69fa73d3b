// The halves of the laboratory's door to the storage room.
#pragma once

#include "bind/py.hpp"
#include "storage/resume.hpp"

namespace jst::bind {

storage::TorrentRecord record_from_python(const py::dict& from);
py::dict record_to_python(const storage::TorrentRecord& record);

void bind_lab_disk(py::module_& storage);

void bind_lab_resume(py::module_& storage);

}  // namespace jst::bind
