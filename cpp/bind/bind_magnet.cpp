#include "bind/metainfo_handle.hpp"
#include "codec/magnet.hpp"

namespace jst::bind {
namespace {

using codec::Magnet;

py::tuple file_indices(const std::vector<codec::FileRange>& ranges) {
    py::list indices;
    for (const auto& range : ranges)
        for (std::uint32_t i = range.first; i <= range.last; ++i) indices.append(i);
    return py::tuple(indices);
}

std::vector<codec::FileRange> file_ranges(const std::vector<std::uint32_t>& indices) {
    std::vector<codec::FileRange> ranges;
    for (const std::uint32_t i : indices) {
        if (!ranges.empty() && ranges.back().last + 1 == i)
            ranges.back().last = i;
        else
            ranges.push_back({i, i});
    }
    return ranges;
}

template <std::size_t N>
std::optional<Digest<N>> digest_of(const std::optional<py::bytes>& bytes) {
    if (!bytes) return std::nullopt;
    const Bytes view = view_of(*bytes);
    if (view.size() != N) throw py::value_error("an info-hash is " + std::to_string(N) + " bytes");
    return Digest<N>::from(view);
}

py::tuple parse(const std::string& uri) {
    const Magnet link = value_or_raise(Magnet::parse(uri));
    py::list peers;
    for (const auto& peer : link.peers) peers.append(py::make_tuple(peer.host, peer.port));
    const py::object name = link.name.empty() ? py::object(py::none()) : py::object(py::str(link.name));
    return py::make_tuple(digest_or_none(link.hashes.v1), digest_or_none(link.hashes.v2), name,
                          py::tuple(py::cast(link.trackers)), py::tuple(peers), py::tuple(py::cast(link.web_seeds)),
                          file_indices(link.select_only));
}

}  // namespace

void bind_magnet(py::module_& module) {
    module.def("parse_magnet", &parse, py::arg("uri"),
               "info_hash, info_hash_v2, name, trackers, peers, web_seeds, select_only of a magnet link.");
    module.def(
        "format_magnet",
        [](const std::optional<py::bytes>& info_hash, const std::optional<py::bytes>& info_hash_v2,
           const std::optional<std::string>& name, const std::vector<std::string>& trackers,
           const std::vector<std::pair<std::string, std::uint16_t>>& peers, const std::vector<std::string>& web_seeds,
           const std::vector<std::uint32_t>& select_only) {
            Magnet link;
            link.hashes = {digest_of<20>(info_hash), digest_of<32>(info_hash_v2)};
            link.name = name.value_or("");
            link.trackers = trackers;
            link.web_seeds = web_seeds;
            for (const auto& [host, port] : peers) link.peers.push_back({host, port});
            link.select_only = file_ranges(select_only);
            return link.to_string();
        },
        py::arg("info_hash"), py::arg("info_hash_v2"), py::arg("name"), py::arg("trackers"), py::arg("peers"),
        py::arg("web_seeds"), py::arg("select_only"), "The magnet link of these parts.");
}

}  // namespace jst::bind
