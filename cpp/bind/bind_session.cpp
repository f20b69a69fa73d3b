#include <limits>

#include "bind/engine_handle.hpp"
#include "bind/lab_world.hpp"
#include "bind/metainfo_handle.hpp"
#include "bind/session_class.hpp"
#include "bind/settings_python.hpp"
#include "bind/snapshots.hpp"
#include "bind/thread_door.hpp"
#include "bind/world_door.hpp"

namespace jst::bind {
namespace {

std::optional<PeerId> peer_id_of(const std::optional<py::bytes>& bytes) {
    if (!bytes) return std::nullopt;
    const Bytes view = view_of(*bytes);
    if (view.size() != PeerId::size) throw py::value_error("a peer id is 20 bytes");
    return PeerId::from(view);
}

using InstrumentsHandle = std::shared_ptr<runtime_fault::Instruments>;

// A stream without a bound that is there before the engine is: no event of its start is missed.
std::shared_ptr<EventStream> first_stream(Outlet& outlet, std::optional<std::uint32_t> kinds) {
    if (!kinds) return nullptr;
    auto stream = std::make_shared<EventStream>(outlet.exchange(), *kinds, std::nullopt,
                                                std::numeric_limits<std::size_t>::max() / 2);
    outlet.add(stream);
    return stream;
}

std::unique_ptr<EngineHandle> start(const py::dict& settings, const std::string& state_dir,
                                    const std::optional<py::bytes>& peer_id, std::optional<std::uint64_t> seed,
                                    InstrumentsHandle instruments, const std::string& name,
                                    std::optional<std::uint32_t> events) {
    ThreadDoor::Start facts{settings_of(settings), state_dir, peer_id_of(peer_id), {}, std::move(instruments), name};
    facts.options.seed = seed;
    facts.options.worker_threads = static_cast<int>(facts.settings.worker_threads);
    auto outlet = std::make_shared<Outlet>(Exchange::make());
    auto first = first_stream(*outlet, events);
    auto door = std::make_unique<ThreadDoor>(outlet, std::move(facts));
    return std::make_unique<EngineHandle>(std::move(outlet), std::move(door), std::move(first));
}

std::unique_ptr<EngineHandle> start_in(const WorldHandle& world, std::uint32_t node, const py::dict& settings,
                                       const std::string& state_dir, const std::optional<py::bytes>& peer_id,
                                       InstrumentsHandle instruments, std::optional<std::uint32_t> events) {
    auto outlet = std::make_shared<Outlet>(Exchange::make());
    auto first = first_stream(*outlet, events);
    auto door = std::make_unique<WorldDoor>(outlet, world, node_of(*world, node), settings_of(settings), state_dir,
                                            peer_id_of(peer_id), std::move(instruments));
    return std::make_unique<EngineHandle>(std::move(outlet), std::move(door), std::move(first));
}

std::optional<bool> wait(EngineHandle& engine, Signal& signal, std::optional<double> deadline, bool one_round) {
    std::optional<Time> limit;
    if (deadline) limit = Time{} + from_seconds(*deadline);
    const Waited waited = engine.wait(signal, limit, one_round);
    if (waited == Waited::again) return std::nullopt;
    return waited == Waited::raised;
}

void bind_life(EngineClass& type) {
    type.def_static("start", &start, py::arg("settings"), py::arg("state_dir"), py::arg("peer_id") = py::none(),
                    py::arg("seed") = py::none(), py::arg("instruments") = py::none(), py::arg("name") = "",
                    py::arg("events") = py::none(), "An engine on a thread of its own, over sockets and files.")
        .def_static("start_in", &start_in, py::arg("world"), py::arg("node"), py::arg("settings"), py::arg("state_dir"),
                    py::arg("peer_id") = py::none(), py::arg("instruments") = py::none(),
                    py::arg("events") = py::none(),
                    "An engine on a node of a simulated world; the calling thread is its thread.")
        .def("wait", &wait, py::arg("signal"), py::arg("deadline") = py::none(), py::arg("one_round") = false,
             "True: raised. False: the deadline has come. None: neither yet, look at hooks and come back.")
        .def("take_first", &EngineHandle::take_first, "The stream of `events`; once.")
        .def("begin_save", &EngineHandle::begin_save)
        .def("save_error",
             [](EngineHandle& e) -> py::object {
                 const auto error = e.command([](engine::Session& s) {
                     return Result<std::optional<std::pair<Error, std::string>>>(s.save_error());
                 });
                 return error ? make_exception(error->first, error->second) : py::none();
             })
        .def(
            "save_progress",
            [](EngineHandle& e) {
                return e.command([](engine::Session& s) { return Result<std::uint64_t>(s.save_progress()); });
            },
            "Grows with each answer of the disk.")
        .def(
            "save_late",
            [](EngineHandle& e) {
                const auto where = e.command([](engine::Session& s) { return Result<std::string>(s.state_dir()); });
                return make_exception({Errc::disk_timeout, 0}, where);
            },
            "The error of a save that the disk does not answer.")
        .def("problems",
             [](EngineHandle& e) {
                 py::list found;
                 const auto problems = e.query([](const auto& s) { return s.problems(); });
                 for (const auto& one : problems)
                     found.append(py::make_tuple(one.where(), make_exception(one.error, one.where())));
                 return found;
             })
        .def(
            "begin_close", [](EngineHandle& e, double timeout) { return e.begin_close(from_seconds(timeout)); },
            py::arg("timeout"))
        .def("shut", &EngineHandle::shut, py::arg("are_removed") = false,
             "Ends the engine at once, whatever it is doing. True when it had closed cleanly.")
        .def_property_readonly("is_forked", &EngineHandle::is_forked)
        .def_property_readonly("is_closing", &EngineHandle::is_closing)
        .def_property_readonly("has_ended", [](EngineHandle& e) { return e.outlet().has_ended(); })
        .def_property_readonly("has_crashed", [](EngineHandle& e) { return e.door().has_crashed(); })
        .def_property_readonly("has_own_thread", [](EngineHandle& e) { return e.door().has_own_thread(); })
        .def(
            "limit_sockets", [](EngineHandle& e, std::size_t most) { e.door().limit_sockets(most); }, py::arg("most"),
            "For laboratories: no more sockets than so many; 0 is no limit but the machine's.")
        .def("is_healthy",
             [](EngineHandle& e) {
                 e.check_process();
                 return e.outlet().is_healthy();
             })
        .def("now", [](EngineHandle& e) {
            e.check_process();
            return e.door().now().seconds();
        });
}

void bind_session_commands(EngineClass& type) {
    type.def(
            "configure",
            [](EngineHandle& e, const py::dict& values, const std::vector<std::string>& named) {
                const auto settings = settings_of(values);
                const auto failure = e.command([settings, named](engine::Session& s) {
                    std::optional<std::pair<Error, std::string>> wrong;
                    if (const auto done = s.configure(settings, named); !done)
                        wrong.emplace(done.error(), s.failed_address());
                    return Result<decltype(wrong)>(std::move(wrong));
                });
                if (failure) raise(failure->first, failure->second);
            },
            py::arg("settings"), py::arg("named"))
        .def(
            "ban",
            [](EngineHandle& e, const std::string& host, std::optional<double> seconds) {
                const auto address = value_or_raise(IpAddress::parse(host), host);
                std::optional<Duration> duration;
                if (seconds) duration = from_seconds(*seconds);
                if (seconds && std::isinf(*seconds)) duration = for_good;
                e.command([=](engine::Session& s) { return s.ban(address, duration); });
            },
            py::arg("host"), py::arg("seconds"))
        .def(
            "unban",
            [](EngineHandle& e, const std::string& host) {
                const auto address = value_or_raise(IpAddress::parse(host), host);
                e.command([=](engine::Session& s) {
                    s.unban(address);
                    return Result<void>();
                });
            },
            py::arg("host"));
}

void bind_session_queries(EngineClass& type) {
    type.def("settings", [](EngineHandle& e) { return to_dict(e.query([](const auto& s) { return s.settings(); })); })
        .def("listen_port", [](EngineHandle& e) { return e.query([](const auto& s) { return s.listen_port(); }); })
        .def("torrents",
             [](EngineHandle& e) {
                 py::list keys;
                 for (const auto key : e.query([](const auto& s) { return s.torrents(); })) keys.append(key.packed());
                 return keys;
             })
        .def(
            "find",
            [](EngineHandle& e, const py::bytes& info_hash) -> std::optional<std::uint64_t> {
                const auto hash = to_vector(view_of(info_hash));
                const auto key = e.query([hash](const auto& s) { return s.find(hash); });
                return key ? std::optional(key->packed()) : std::nullopt;
            },
            py::arg("info_hash"))
        .def("status", [](EngineHandle& e) { return to_tuple(e.query([](const auto& s) { return s.status(); })); })
        .def("left_behind",
             [](EngineHandle& e) -> py::object {
                 const Remains* const remains = e.outlet().remains();
                 return remains == nullptr ? py::none() : py::object(to_tuple(remains->left()));
             })
        .def("bans", [](EngineHandle& e) { return to_tuples(e.query([](const auto& s) { return s.bans(); })); })
        .def(
            "listen",
            [](EngineHandle& e, std::uint32_t kinds, std::optional<std::uint64_t> torrent, std::size_t most) {
                std::optional<TorrentKey> key;
                if (torrent) key = TorrentKey::unpack(*torrent);
                return e.listen(kinds, key, most);
            },
            py::arg("kinds"), py::arg("torrent"), py::arg("most"));
}

}  // namespace

void bind_session(py::module_& module) {
    bind_words(module);
    bind_signals(module);
    EngineClass type(module, "Engine", "One engine; jstorrent.Session is its public face.");
    bind_life(type);
    bind_session_commands(type);
    bind_session_queries(type);
    bind_torrent(type);
}

}  // namespace jst::bind
