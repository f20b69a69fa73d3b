// The Python class of an engine, filled by bind_session.cpp (the session) and bind_torrent.cpp (its torrents).
#pragma once

#include "bind/engine_handle.hpp"
#include "bind/py.hpp"

namespace jst::bind {

using EngineClass = py::class_<EngineHandle>;

void bind_torrent(EngineClass& type);
/// What may be waited for: signals, waits, event streams, and the gate of an asyncio loop.
void bind_signals(py::module_& module);

}  // namespace jst::bind
