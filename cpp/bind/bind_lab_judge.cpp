// The judge that follows facts in a simulated world, as oracles ask it.
#include "bind/fact_judge.hpp"
#include "bind/lab_world.hpp"

namespace jst::bind {
namespace {

Sha1Digest wire_id_of(const py::bytes& info_hash) {
    const Bytes given = view_of(info_hash);
    Sha1Digest id;
    if (given.size() < id.bytes.size()) throw py::value_error("an info-hash has 20 bytes");
    std::copy_n(given.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

void expect(FactJudge& self, const std::string& node, const py::bytes& info_hash, std::uint64_t key,
            std::uint64_t piece_length, std::uint64_t total_size, const py::list& files, const std::string& part_file) {
    JudgedTorrent torrent{key, piece_length, total_size, {}, part_file};
    for (const auto& entry : files) {
        const auto facts = entry.cast<std::tuple<std::string, std::uint64_t, std::uint64_t>>();
        torrent.files.push_back({std::get<0>(facts), std::get<1>(facts), std::get<2>(facts)});
    }
    self.expect(node, wire_id_of(info_hash), std::move(torrent));
}

// From the first-th on: (time, node, torrent, piece, whether by a HAVE, path).
py::list suspicions(const FactJudge& self, std::size_t first) {
    py::list found;
    for (std::size_t i = first; i < self.suspicions().size(); ++i) {
        const auto& s = self.suspicions()[i];
        found.append(py::make_tuple(s.time.seconds(), s.node, to_python(s.torrent.view()), s.piece, s.is_have, s.path));
    }
    return found;
}

}  // namespace

void bind_lab_judge(py::module_& lab) {
    using namespace py::literals;
    py::class_<FactJudge, std::shared_ptr<FactJudge>>(lab, "FactJudge")
        .def(py::init<WorldHandle>(), "world"_a)
        .def("expect", &expect, "node"_a, "info_hash"_a, "key"_a, "piece_length"_a, "total_size"_a, "files"_a,
             "part_file"_a)
        .def_property_readonly("count", &FactJudge::count)
        .def_property_readonly("pieces_read", &FactJudge::pieces_read)
        .def("suspicions", &suspicions, "first"_a = 0);
}

}  // namespace jst::bind
