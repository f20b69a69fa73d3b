#include <array>

#include "bind/session_class.hpp"
#include "bind/snapshots.hpp"

namespace jst::bind {
namespace {

void bind_gates(py::module_& module) {
    py::class_<LoopGate, std::shared_ptr<LoopGate>>(module, "LoopGate", "An eventfd that one asyncio loop reads.")
        .def(py::init<>())
        .def("fileno", &LoopGate::descriptor)
        .def("take", &LoopGate::take);
    py::class_<Signal, std::shared_ptr<Signal>>(module, "Signal", "Something that may be waited for.")
        .def_property_readonly("is_raised",
                               [](Signal& s) {
                                   s.exchange().check_process();
                                   const auto lock = s.exchange().lock();
                                   return s.is_raised();
                               })
        .def(
            "attach",
            [](Signal& s, std::shared_ptr<LoopGate> gate, std::uint64_t token) {
                s.exchange().check_process();
                s.attach(std::move(gate), token);
            },
            py::arg("gate"), py::arg("token"))
        .def("detach", [](Signal& s) {
            if (!s.exchange().is_forked()) s.detach();
        });
    py::class_<Until, Signal, std::shared_ptr<Until>>(module, "Until", "A condition of a session.");
}

constexpr std::array outcomes = {"pending", "met", "failed", "removed", "closed"};

void bind_torrent_wait(py::module_& module) {
    py::class_<TorrentWait, Until, std::shared_ptr<TorrentWait>>(module, "TorrentWait", "A condition of a torrent.")
        .def("outcome",
             [](TorrentWait& w) {
                 w.exchange().check_process();
                 const auto lock = w.exchange().lock();
                 return outcomes[static_cast<std::size_t>(w.outcome())];
             })
        .def("status",
             [](TorrentWait& w) {
                 w.exchange().check_process();
                 const auto status = [&] {
                     const auto lock = w.exchange().lock();
                     return w.status();
                 }();
                 return to_tuple(status);
             })
        .def("rearm", [](TorrentWait& w) {
            w.exchange().check_process();
            w.rearm();
        });
}

void bind_event_stream(py::module_& module) {
    py::class_<EventStream, Signal, std::shared_ptr<EventStream>>(module, "EventStream", "A queue of events.")
        .def("take",
             [](EventStream& s) -> py::object {
                 s.exchange().check_process();
                 const auto item = s.take();
                 return item ? to_tuple(*item) : py::object(py::none());
             })
        .def_property_readonly("has_ended",
                               [](EventStream& s) {
                                   s.exchange().check_process();
                                   const auto lock = s.exchange().lock();
                                   return s.has_ended();
                               })
        .def("close", [](EventStream& s) {
            if (!s.exchange().is_forked()) s.close();
        });
}

}  // namespace

void bind_signals(py::module_& module) {
    bind_gates(module);
    bind_torrent_wait(module);
    bind_event_stream(module);
}

}  // namespace jst::bind
