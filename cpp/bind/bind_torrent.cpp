#include <tuple>
#include <variant>

#include "bind/metainfo_handle.hpp"
#include "bind/session_class.hpp"
#include "bind/settings_python.hpp"
#include "bind/snapshots.hpp"

namespace jst::bind {
namespace {

using Packed = std::uint64_t;
using Tiers = std::vector<std::vector<std::string>>;
using Priorities = std::vector<std::pair<std::uint32_t, std::uint8_t>>;
using HostAndPort = std::pair<std::string, std::uint16_t>;

TorrentKey key_of(Packed packed) noexcept { return TorrentKey::unpack(packed); }

Endpoint endpoint_of(const HostAndPort& address) {
    return {value_or_raise(IpAddress::parse(address.first), address.first), address.second};
}

// A magnet link's files are not known: a priority is for an index or a glob.
using Wishes = std::vector<std::tuple<std::variant<std::uint32_t, std::string>, std::uint8_t>>;

std::vector<storage::FileWish> wishes_of(const Wishes& wishes) {
    std::vector<storage::FileWish> out;
    if (wishes.size() > storage::max_wishes)
        throw py::value_error("more priorities than can be kept for a magnet link");
    for (const auto& [which, priority] : wishes) {
        storage::FileWish& wish = out.emplace_back();
        wish.priority = priority;
        if (const auto* file = std::get_if<std::uint32_t>(&which))
            wish.file = *file;
        else
            wish.glob = std::get<std::string>(which);
        if (wish.glob.size() > storage::max_glob_bytes) throw py::value_error("a glob is too long");
    }
    return out;
}

Packed submit(EngineHandle& engine, engine::AddRequest request) {
    auto& outlet = engine.outlet();
    const std::string save_path = request.save_path;
    const auto added = engine.command(
        [request = std::move(request), &outlet](engine::Session& s) {
            auto result = s.add(request);
            if (result) outlet.note(result->first);
            return result;
        },
        save_path);
    return added.first.packed();
}

Packed add_magnet(EngineHandle& engine, const std::string& uri, const std::string& save_path, bool paused, bool stopped,
                  bool trusted, bool sequential, const Wishes& priorities, const std::vector<HostAndPort>& peers,
                  const Tiers& trackers) {
    engine::AddRequest request;
    request.magnet = value_or_raise(codec::Magnet::parse(uri));
    request.wishes = wishes_of(priorities);
    request.save_path = save_path;
    request.paused = paused;
    request.stopped = stopped;
    request.trusted = trusted;
    request.sequential = sequential;
    for (const auto& peer : peers) request.peers.push_back(endpoint_of(peer));
    request.trackers = trackers;
    return submit(engine, std::move(request));
}

Packed add(EngineHandle& engine, const MetainfoHandle& metainfo, const std::string& save_path, bool paused,
           bool stopped, bool trusted, bool sequential, const Priorities& priorities,
           const std::vector<HostAndPort>& peers, const Tiers& trackers,
           const std::optional<py::bytes>& trusted_pieces) {
    engine::AddRequest request;
    request.metainfo = metainfo.metainfo;
    request.save_path = save_path;
    request.paused = paused;
    request.stopped = stopped;
    request.trusted = trusted;
    request.sequential = sequential;
    for (const auto& [file, priority] : priorities) request.file_priorities.emplace_back(FileIndex(file), priority);
    for (const auto& peer : peers) request.peers.push_back(endpoint_of(peer));
    request.trackers = trackers;
    if (trusted_pieces)
        request.trusted_pieces =
            value_or_raise(Bitfield::from_wire(view_of(*trusted_pieces), metainfo.metainfo->num_pieces()));
    return submit(engine, std::move(request));
}

// A command on one torrent without further arguments.
void def(EngineClass& type, const char* name, Result<void> (engine::Session::*act)(TorrentKey)) {
    type.def(
        name,
        [act](EngineHandle& e, Packed torrent) {
            e.command([=](engine::Session& s) { return (s.*act)(key_of(torrent)); });
        },
        py::arg("torrent"));
}

// A command on one torrent with one or more further arguments.
template <class... Args, class Act>
void def(EngineClass& type, const char* name, Act act) {
    type.def(name, [act](EngineHandle& e, Packed torrent, Args... args) {
        e.command([=](engine::Session& s) { return act(s, key_of(torrent), args...); });
    });
}

void bind_commands(EngineClass& type) {
    using engine::Session;
    type.def("add", &add, py::arg("metainfo"), py::arg("save_path"), py::arg("paused"), py::arg("stopped"),
             py::arg("trusted"), py::arg("sequential"), py::arg("priorities"), py::arg("peers"), py::arg("trackers"),
             py::arg("trusted_pieces") = py::none());
    type.def("add_magnet", &add_magnet, py::arg("uri"), py::arg("save_path"), py::arg("paused"), py::arg("stopped"),
             py::arg("trusted"), py::arg("sequential"), py::arg("priorities"), py::arg("peers"), py::arg("trackers"));
    def(type, "pause", &Session::pause);
    def(type, "resume", &Session::resume);
    def(type, "stop", &Session::stop);
    def(type, "start_torrent", &Session::start);
    def(type, "recheck", &Session::recheck);
    def(type, "announce", &Session::announce);
    def<bool>(type, "remove", [](Session& s, TorrentKey t, bool files) { return s.remove(t, files); });
    def<Priorities>(type, "set_file_priorities", [](Session& s, TorrentKey t, const Priorities& priorities) {
        std::vector<storage::FilePriority> chosen;
        for (const auto& [file, priority] : priorities) chosen.push_back({FileIndex(file), priority});
        return s.set_file_priorities(t, chosen);
    });
    def<std::uint32_t, std::uint8_t>(type, "set_piece_priority",
                                     [](Session& s, TorrentKey t, std::uint32_t piece, std::uint8_t p) {
                                         return s.set_piece_priority(t, PieceIndex(piece), p);
                                     });
    def<bool>(type, "set_sequential", [](Session& s, TorrentKey t, bool on) { return s.set_sequential(t, on); });
    def<Tiers>(type, "set_trackers",
               [](Session& s, TorrentKey t, const Tiers& tiers) { return s.set_trackers(t, tiers); });
    def<std::vector<std::string>>(
        type, "set_web_seeds",
        [](Session& s, TorrentKey t, const std::vector<std::string>& urls) { return s.set_web_seeds(t, urls); });
    def<std::uint32_t>(type, "set_queue_position",
                       [](Session& s, TorrentKey t, std::uint32_t n) { return s.set_queue_position(t, n); });
    def<bool>(type, "step_in_queue", [](Session& s, TorrentKey t, bool up) { return s.step_in_queue(t, up); });
    def<std::string>(type, "move", [](Session& s, TorrentKey t, const std::string& path) { return s.move(t, path); });
    def<std::uint32_t, std::string>(type, "rename_file",
                                    [](Session& s, TorrentKey t, std::uint32_t file, const std::string& path) {
                                        return s.rename_file(t, FileIndex(file), path);
                                    });
    type.def(
            "connect",
            [](EngineHandle& e, Packed torrent, const HostAndPort& address) {
                const auto endpoint = endpoint_of(address);
                e.command([=](Session& s) { return s.connect(key_of(torrent), endpoint); }, endpoint.to_string());
            },
            py::arg("torrent"), py::arg("address"))
        .def(
            "set_limits",
            [](EngineHandle& e, Packed torrent, const py::dict& values) {
                const auto limits = limits_of(values);
                e.command([=](Session& s) { return s.configure(key_of(torrent), limits); });
            },
            py::arg("torrent"), py::arg("limits"));
}

// A query of one torrent whose answer is a Result.
template <class Ask, class Convert>
void def_query(EngineClass& type, const char* name, Ask ask, Convert convert) {
    type.def(
        name,
        [ask, convert](EngineHandle& e, Packed torrent) {
            return convert(value_or_raise(e.query([=](const auto& s) { return ask(s, key_of(torrent)); })));
        },
        py::arg("torrent"));
}

Goal goal_of(const std::string& word) {
    if (word == "complete") return Goal::complete;
    if (word == "metadata") return Goal::metadata;
    if (word == "piece") return Goal::piece;
    return word == "change" ? Goal::change : Goal::state;
}

engine::State state_of(const std::string& text) {
    for (int i = 0; i <= static_cast<int>(engine::State::removed); ++i)
        if (engine::word(static_cast<engine::State>(i)) == text) return static_cast<engine::State>(i);
    throw py::value_error("no such state: " + text);
}

std::shared_ptr<TorrentWait> wait_for(EngineHandle& e, Packed torrent, const std::string& goal, std::uint32_t piece,
                                      double pace) {
    const Goal kind = goal_of(goal);
    const auto state = kind == Goal::state ? state_of(goal) : engine::State::queued;
    return e.wait_for(key_of(torrent), kind, PieceIndex(piece), state, from_seconds(pace));
}

void bind_queries(EngineClass& type) {
    const auto tuple = [](const auto& status) { return to_tuple(status); };
    const auto tuples = [](const auto& list) { return to_tuples(list); };
    const auto same = [](auto value) { return value; };
    def_query(type, "torrent_status", [](const auto& s, TorrentKey t) { return s.status(t); }, tuple);
    def_query(
        type, "torrent_state", [](const auto& s, TorrentKey t) { return s.state(t); },
        [](engine::State state) { return engine::word(state); });
    def_query(
        type, "pieces", [](const auto& s, TorrentKey t) { return s.pieces(t); },
        [](const ByteVector& v) { return to_python(Bytes(v)); });
    def_query(type, "availability", [](const auto& s, TorrentKey t) { return s.availability(t); }, same);
    def_query(type, "files", [](const auto& s, TorrentKey t) { return s.files(t); }, tuples);
    def_query(type, "trackers", [](const auto& s, TorrentKey t) { return s.trackers(t); }, tuples);
    def_query(
        type, "limits", [](const auto& s, TorrentKey t) { return s.limits(t); },
        [](const engine::TorrentLimits& limits) { return to_dict(limits); });
    def_query(
        type, "identity", [](const auto& s, TorrentKey t) { return s.status(t); },
        [](const engine::TorrentStatus& s) {
            return py::make_tuple(digest_or_none(s.hashes.v1), digest_or_none(s.hashes.v2), s.name, s.magnet);
        });
    type.def(
            "metainfo",
            [](EngineHandle& e, Packed torrent) -> std::optional<MetainfoHandle> {
                auto metainfo = e.query([=](const auto& s) { return s.metainfo(key_of(torrent)); });
                if (!metainfo) return std::nullopt;
                return MetainfoHandle{std::move(metainfo)};
            },
            py::arg("torrent"))
        .def(
            "piece",
            [](EngineHandle& e, Packed torrent, std::uint32_t piece) {
                return to_tuple(value_or_raise(
                    e.query([=](const auto& s) { return s.piece(key_of(torrent), PieceIndex(piece)); })));
            },
            py::arg("torrent"), py::arg("piece"))
        .def(
            "peers",
            [](EngineHandle& e, Packed torrent, bool all) {
                return to_tuples(value_or_raise(e.query([=](const auto& s) { return s.peers(key_of(torrent), all); })));
            },
            py::arg("torrent"), py::arg("all"))
        .def("wait_for", &wait_for, py::arg("torrent"), py::arg("goal"), py::arg("piece") = 0, py::arg("pace") = 0.0);
}

}  // namespace

void bind_torrent(EngineClass& type) {
    bind_commands(type);
    bind_queries(type);
}

}  // namespace jst::bind
