// A stream of events without an engine, for the tests of what a full stream gives up.
#include <algorithm>

#include "bind/py.hpp"
#include "bind/snapshots.hpp"

namespace jst::bind {
namespace {

using engine::EventKind;

// The engine's end of a stream; `stream` is what a session gives to Python.
struct StreamFeed {
    std::shared_ptr<EventStream> stream;
};

StreamFeed make_feed(std::uint32_t kinds, std::optional<std::uint64_t> torrent, std::size_t most) {
    std::optional<TorrentKey> key;
    if (torrent) key = TorrentKey::unpack(*torrent);
    return {std::make_shared<EventStream>(Exchange::make(), kinds, key, most)};
}

bool push(StreamFeed& feed, std::uint8_t kind, double time, std::uint64_t torrent, std::uint8_t old_state,
          std::uint8_t new_state, std::uint32_t piece) {
    if (kind > static_cast<std::uint8_t>(EventKind::record_rejected)) throw py::value_error("no such kind");
    if (std::max(old_state, new_state) > static_cast<std::uint8_t>(engine::State::removed))
        throw py::value_error("no such state");
    engine::Event event;
    event.kind = static_cast<EventKind>(kind);
    event.time = Time{} + from_seconds(time);
    event.torrent = TorrentKey::unpack(torrent);
    event.old_state = static_cast<engine::State>(old_state);
    event.new_state = static_cast<engine::State>(new_state);
    event.block.piece = PieceIndex(piece);
    const auto lock = feed.stream->exchange().lock();
    if (!feed.stream->wants(event)) return false;
    feed.stream->push({.event = std::move(event), .metainfo = nullptr, .dropped = 0});
    return true;
}

}  // namespace

void bind_lab_events(py::module_& module) {
    using namespace py::literals;
    auto lab = module.def_submodule("lab");
    lab.attr("kept_reserve") = kept_reserve;
    py::class_<StreamFeed>(lab, "StreamFeed")
        .def(py::init(&make_feed), "kinds"_a, "torrent"_a, "most"_a)
        .def("push", &push, "kind"_a, "time"_a, "torrent"_a, "old_state"_a = 0, "new_state"_a = 0, "piece"_a = 0)
        .def("end",
             [](StreamFeed& feed) {
                 const auto lock = feed.stream->exchange().lock();
                 feed.stream->end();
             })
        .def_property_readonly("stream", [](StreamFeed& feed) { return feed.stream; })
        .def_property_readonly("waiting", [](StreamFeed& feed) {
            const auto lock = feed.stream->exchange().lock();
            return feed.stream->waiting();
        });
}

}  // namespace jst::bind
