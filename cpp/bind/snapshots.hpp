// Snapshots and events of the engine as plain tuples, in the order of the fields of their Python dataclasses.
//
// Only conversions: jstorrent/_status.py and _events.py give the names. Called with the GIL held.
#pragma once

#include "bind/event_stream.hpp"
#include "bind/py.hpp"
#include "engine/stats.hpp"

namespace jst::bind {

/// (host, port)
py::tuple to_tuple(const Endpoint& endpoint);
py::tuple to_tuple(const engine::TorrentStatus& status);
py::tuple to_tuple(const engine::SessionStatus& status);
py::tuple to_tuple(const engine::PieceStatus& status);
py::tuple to_tuple(const engine::FileStatus& status);
py::tuple to_tuple(const engine::PeerStatus& status);
py::tuple to_tuple(const engine::TrackerStatus& status);
py::tuple to_tuple(const engine::BanStatus& status);
/// (kind, time, torrent or None, arguments); EventsDropped has the kind after the last.
py::tuple to_tuple(const StreamItem& item);

template <class T>
py::list to_tuples(const std::vector<T>& items) {
    py::list list;
    for (const auto& item : items) list.append(to_tuple(item));
    return list;
}

/// The classes of the events, in the order of their kinds, and the stable words of states and reasons.
void bind_words(py::module_& module);

}  // namespace jst::bind
