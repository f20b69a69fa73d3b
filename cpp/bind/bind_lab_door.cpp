// Breaks an engine on purpose, for the tests of what its door says then.
#include <stdexcept>

#include "base/check.hpp"
#include "bind/engine_handle.hpp"

namespace jst::bind {
namespace {

void break_rule(EngineHandle& engine) {
    engine.command([](engine::Session&) {
        JST_CHECK(false, "broken by a test");
        return Result<void>();
    });
}

// What no turn may throw: the engine thread ends by it.
void kill(EngineHandle& engine) {
    engine.command([](engine::Session&) -> Result<void> { throw std::runtime_error("killed by a test"); });
}

// How all torrents of an engine stand, for those who look at hundreds of engines again and again.
py::list sample(EngineHandle& engine) {
    using Row = std::pair<TorrentKey, engine::TorrentStatus>;
    const auto rows = engine.query([](const auto& session) {
        std::vector<Row> found;
        for (const auto key : session.torrents())
            if (auto status = session.status(key)) found.emplace_back(key, std::move(*status));
        return found;
    });
    py::list out;
    for (const auto& [key, s] : rows) {
        const auto& c = s.counters;
        out.append(py::make_tuple(key.packed(), word(s.state), s.progress, s.download_rate, s.upload_rate, s.num_peers,
                                  s.num_unchoked, c.payload_received, c.payload_verified, c.payload_failed,
                                  c.payload_redundant, c.payload_discarded, c.payload_partial, c.payload_sent));
    }
    return out;
}

}  // namespace

void bind_lab_door(py::module_& module) {
    auto lab = module.def_submodule("lab");
    lab.def("break_rule", &break_rule, py::arg("engine"));
    lab.def("kill_engine", &kill, py::arg("engine"));
    lab.def("sample", &sample, py::arg("engine"));
}

}  // namespace jst::bind
