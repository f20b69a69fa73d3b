// Settings between Python dictionaries and the engine's struct, by the one list in engine/settings.def.
//
// The Python side (jstorrent/_settings.py) has made each value of its kind; what it may be is checked by engine::check.
#pragma once

#include "bind/py.hpp"
#include "engine/settings.hpp"

namespace jst::bind {

/// Every setting must be there. Raises SettingsError for what can not be.
engine::Settings settings_of(const py::dict& values);
py::dict to_dict(const engine::Settings& settings);
engine::TorrentLimits limits_of(const py::dict& values);
py::dict to_dict(const engine::TorrentLimits& limits);

/// settings_schema: (name, kind, default, least, reason) of each; check_settings(values).
void bind_settings(py::module_& module);

}  // namespace jst::bind
