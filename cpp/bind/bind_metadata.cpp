#include "base/url.hpp"
#include "bind/buffer_view.hpp"
#include "bind/metainfo_handle.hpp"
#include "bind/piece_hasher.hpp"
#include "codec/envelope.hpp"
#include "codec/magnet.hpp"
#include "codec/metainfo_writer.hpp"
#include "codec/url_check.hpp"
#include "storage/safe_path.hpp"

namespace jst::bind {
namespace {

using codec::Metainfo;
using codec::MetainfoVersion;
using Tiers = codec::TrackerTiers;
using Texts = std::vector<std::string>;

MetainfoHandle hold(Metainfo metainfo) { return {std::make_shared<const Metainfo>(std::move(metainfo))}; }

MetainfoHandle parse(const py::object& data, bool layers_required) {
    const BufferView view(data);
    codec::MetainfoLimits limits;
    limits.layers_required = layers_required;
    auto parsed = [&] {
        const WithoutGil release;
        return codec::parse_metainfo(view.bytes(), limits);
    }();
    return hold(value_or_raise(std::move(parsed)));
}

MetainfoHandle parse_info(const py::object& data) {
    const BufferView view(data);
    auto parsed = [&] {
        const WithoutGil release;
        return codec::parse_info(view.bytes());
    }();
    return hold(value_or_raise(std::move(parsed)));
}

const char* version_word(MetainfoVersion version) noexcept {
    switch (version) {
        case MetainfoVersion::v1:
            return "v1";
        case MetainfoVersion::v2:
            return "v2";
        case MetainfoVersion::hybrid:
            return "hybrid";
    }
    return "v1";
}

MetainfoVersion version_of(const std::string& word) {
    if (word == "v1") return MetainfoVersion::v1;
    if (word == "v2") return MetainfoVersion::v2;
    if (word == "hybrid") return MetainfoVersion::hybrid;
    raise(fail(Errc::invalid_argument), "version is \"v1\", \"v2\" or \"hybrid\", not \"" + word + "\"");
}

// The paths as they become on disk, relative to where the torrent is saved.
Texts safe_paths(const Metainfo& metainfo) {
    std::vector<storage::RawFile> raw;
    raw.reserve(metainfo.files().size());
    for (const auto& file : metainfo.files())
        raw.push_back({{file.raw_path.begin(), file.raw_path.end()}, !file.is_pad && !file.is_symlink});
    return storage::safe_paths(metainfo.is_single_file() ? "" : metainfo.raw_name(), raw);
}

py::list files(const MetainfoHandle& self) {
    const auto paths = safe_paths(*self);
    py::list out;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const auto& file = self->files()[i];
        const auto [first, last] = self->pieces_of(file);
        py::object target = py::none();
        if (file.is_symlink) {
            codec::FileEntry link;
            link.raw_path = *file.symlink_target;
            target = py::str(link.display_path());
        }
        out.append(py::make_tuple(paths[i], file.size, file.offset, first.value, last.value, file.is_pad,
                                  file.is_executable, file.is_hidden, target, digest_or_none(*file.pieces_root)));
    }
    return out;
}

PieceIndex checked_piece(const MetainfoHandle& self, std::int64_t piece) {
    if (piece < 0 || piece >= self->num_pieces()) throw py::index_error("no such piece: " + std::to_string(piece));
    return PieceIndex(static_cast<std::uint32_t>(piece));
}

// What users hand in is refused where what comes in files would be left out.
Tiers checked_trackers(const Tiers& tiers) {
    const codec::MetainfoLimits limits;
    for (const auto& tier : tiers)
        for (const auto& url : tier)
            if (!codec::is_tracker_url(url, limits.max_url_size)) raise(fail(Errc::bad_url), url);
    return codec::clean_trackers(tiers, limits);
}

// Whether it can ever be asked. A web socket is kept for other clients, and never asked.
bool is_usable_url(const std::string& url, bool of_tracker) {
    const std::size_t most = codec::MetainfoLimits{}.max_url_size;
    if (of_tracker ? !codec::is_tracker_url(url, most) : !codec::is_web_seed_url(url, most)) return false;
    const bool is_web_socket = url.front() == 'w' || url.front() == 'W';
    return is_web_socket || Url::parse(url).has_value();
}

Texts checked_web_seeds(const Texts& urls) {
    const codec::MetainfoLimits limits;
    for (const auto& url : urls)
        if (!codec::is_web_seed_url(url, limits.max_url_size)) raise(fail(Errc::bad_url), url);
    return codec::clean_web_seeds(urls, limits);
}

MetainfoHandle replace(const MetainfoHandle& self, const std::optional<Tiers>& trackers,
                       const std::optional<Texts>& web_seeds, bool set_comment,
                       const std::optional<std::string>& comment) {
    codec::Envelope envelope = self->envelope();
    if (trackers) envelope.trackers = checked_trackers(*trackers);
    if (web_seeds) envelope.web_seeds = checked_web_seeds(*web_seeds);
    if (set_comment) envelope.comment = comment;
    return hold(self->with_envelope(std::move(envelope)));
}

std::string magnet(const MetainfoHandle& self) {
    codec::Magnet link;
    link.hashes = self->hashes();
    link.name = self->name();
    for (const auto& tier : self->trackers()) link.trackers.insert(link.trackers.end(), tier.begin(), tier.end());
    link.web_seeds = self->web_seeds();
    return link.to_string();
}

MetainfoHandle build(const std::string& version, const std::string& name, bool single_file,
                     const std::vector<std::pair<Texts, std::uint64_t>>& entries, std::uint32_t piece_length,
                     const py::bytes& hashes, bool is_private, const std::optional<std::string>& source,
                     const Tiers& trackers, const Texts& web_seeds, const std::optional<std::string>& comment,
                     const std::optional<std::string>& created_by, const std::optional<std::int64_t>& created_at) {
    codec::NewTorrent torrent;
    torrent.version = version_of(version);
    torrent.name = name;
    torrent.single_file = single_file;
    for (const auto& [path, size] : entries) torrent.files.push_back({path, size});
    torrent.piece_length = piece_length;
    torrent.piece_hashes = to_vector(view_of(hashes));
    torrent.is_private = is_private;
    torrent.source = source;
    const ByteVector info = value_or_raise(codec::write_info(torrent));
    codec::Envelope envelope;
    envelope.trackers = checked_trackers(trackers);
    envelope.web_seeds = checked_web_seeds(web_seeds);
    envelope.comment = comment;
    envelope.created_by = created_by;
    envelope.created_at = created_at;
    return hold(value_or_raise(codec::parse_metainfo(codec::write_torrent(info, envelope))));
}

void bind_metainfo(py::module_& module) {
    py::class_<MetainfoHandle> type(module, "Metainfo", "A parsed .torrent; jstorrent.Metainfo is its public face.");
    type.def_static("parse", &parse, py::arg("data"), py::arg("layers_required") = true)
        .def_static("parse_info", &parse_info, py::arg("info"))
        .def("files", &files)
        .def(
            "piece_size", [](const MetainfoHandle& m, std::int64_t i) { return m->piece_size(checked_piece(m, i)); },
            py::arg("piece"))
        .def(
            "piece_hash",
            [](const MetainfoHandle& m, std::int64_t i) { return to_python(m->piece_hash(checked_piece(m, i))); },
            py::arg("piece"))
        .def("magnet", &magnet)
        .def("encode", [](const MetainfoHandle& m) { return to_python(Bytes(codec::write_torrent(*m))); })
        .def("replace", &replace, py::arg("trackers"), py::arg("web_seeds"), py::arg("set_comment"),
             py::arg("comment"));
    const auto fact = [&](const char* name, auto read) { type.def_property_readonly(name, read); };
    using M = const MetainfoHandle&;
    fact("name", [](M m) { return m->name(); });
    fact("version", [](M m) { return version_word(m->version()); });
    fact("info_hash", [](M m) { return digest_or_none(m->hashes().v1); });
    fact("info_hash_v2", [](M m) { return digest_or_none(m->hashes().v2); });
    fact("piece_length", [](M m) { return m->piece_length(); });
    fact("num_pieces", [](M m) { return m->num_pieces(); });
    fact("total_size", [](M m) { return m->total_size(); });
    fact("info_bytes", [](M m) { return to_python(m->info_bytes()); });
    fact("is_private", [](M m) { return m->is_private(); });
    fact("is_single_file", [](M m) { return m->is_single_file(); });
    fact("source", [](M m) { return m->source(); });
    fact("comment", [](M m) { return m->envelope().comment; });
    fact("created_by", [](M m) { return m->envelope().created_by; });
    fact("created_at", [](M m) { return m->envelope().created_at; });
    fact("trackers", [](M m) { return m->trackers(); });
    fact("web_seeds", [](M m) { return m->web_seeds(); });
    fact("nodes", [](M m) {
        py::list nodes;
        for (const auto& node : m->envelope().nodes) nodes.append(py::make_tuple(node.host, node.port));
        return nodes;
    });
    fact("has_all_layers", [](M m) { return m->has_all_layers(); });
}

void bind_creating(py::module_& module) {
    module.def("build_torrent", &build, py::arg("version"), py::arg("name"), py::arg("single_file"), py::arg("files"),
               py::arg("piece_length"), py::arg("hashes"), py::arg("is_private"), py::arg("source"),
               py::arg("trackers"), py::arg("web_seeds"), py::arg("comment"), py::arg("created_by"),
               py::arg("created_at"), "A new torrent of files whose pieces are hashed already.");
    module.def("default_piece_length", &codec::default_piece_length, py::arg("total_size"),
               "16 KiB to 16 MiB, so that a torrent has at most 2048 pieces where that is possible.");
    py::class_<PieceHasher>(module, "PieceHasher", "SHA-1 of pieces, a group side by side; hashes without the GIL.")
        .def(py::init<>())
        .def(
            "step",
            [](PieceHasher& self, const py::object& data, std::size_t each) {
                const BufferView view(data);
                const WithoutGil release;
                self.step(view.bytes(), each);
            },
            py::arg("data"), py::arg("each"), "The next `each` bytes of every piece of the group.")
        .def("group_of_file", &PieceHasher::group_of_file, py::arg("fd"), py::arg("offset"), py::arg("length"),
             py::arg("each"), py::call_guard<WithoutGil>(),
             "A whole group out of the page cache, without a copy; False, and nothing done, where that cannot be.")
        .def("end_group", &PieceHasher::end_group)
        .def("finish", [](PieceHasher& self) { return to_python(Bytes(self.finish())); });
}

}  // namespace

void bind_metadata(py::module_& module) {
    module.attr("max_torrent_size") = codec::BencodeLimits{}.max_size;
    module.attr("max_piece_length") = codec::MetainfoLimits{}.max_piece_length;
    bind_metainfo(module);
    bind_creating(module);
    module.def("is_usable_url", &is_usable_url, py::arg("url"), py::arg("of_tracker"));
}

}  // namespace jst::bind
