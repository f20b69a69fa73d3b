// The laboratory's door to the storage room: facts in, answers out. For tests.
#include "bind/lab_storage.hpp"
#include "bind/py.hpp"
#include "storage/file_map.hpp"
#include "storage/journal.hpp"
#include "storage/layout.hpp"
#include "storage/part_file.hpp"
#include "storage/piece_check.hpp"
#include "storage/resume_fit.hpp"
#include "storage/safe_path.hpp"

namespace jst::bind {
namespace {

using namespace storage;

std::string_view text_of(const py::bytes& bytes) { return as_text(view_of(bytes)); }
py::bytes bytes_of(std::string_view text) { return {text.data(), text.size()}; }

Bitfield bits_from(const std::vector<bool>& bits) {
    Bitfield out(static_cast<std::uint32_t>(bits.size()));
    for (std::uint32_t i = 0; i < out.size(); ++i) {
        if (bits[i]) out.set(PieceIndex{i});
    }
    return out;
}

std::vector<bool> bits_to(const Bitfield& bits) {
    std::vector<bool> out(bits.size());
    for (std::uint32_t i = 0; i < bits.size(); ++i) out[i] = bits[PieceIndex{i}];
    return out;
}

void bind_paths(py::module_& module) {
    module.def("safe_component", [](const py::bytes& raw) { return bytes_of(safe_component(text_of(raw))); });
    module.def("safe_paths",
               [](const py::bytes& root, const std::vector<std::pair<std::vector<py::bytes>, bool>>& files) {
                   std::vector<RawFile> raw(files.size());
                   for (std::size_t i = 0; i < files.size(); ++i) {
                       for (const auto& part : files[i].first) raw[i].components.push_back(text_of(part));
                       raw[i].on_disk = files[i].second;
                   }
                   std::vector<py::bytes> out;
                   for (const auto& path : safe_paths(text_of(root), raw)) out.push_back(bytes_of(path));
                   return out;
               });
    module.def("is_inside", [](const py::bytes& path) { return is_inside(text_of(path)); });
    module.def("checked_rename",
               [](const py::bytes& path) { return bytes_of(value_or_raise(checked_rename(text_of(path)))); });
    module.def("fold_path", [](const py::bytes& path) { return bytes_of(fold_path(text_of(path))); });
    module.attr("max_component_bytes") = max_component_bytes;
    module.attr("max_path_levels") = max_path_levels;
    module.attr("max_relative_bytes") = max_relative_bytes;
}

void bind_file_map(py::module_& module) {
    using Slice = std::tuple<std::uint32_t, std::uint64_t, std::uint64_t, bool>;
    py::class_<FileMap>(module, "FileMap")
        .def(py::init([](const std::vector<std::pair<std::uint64_t, bool>>& files, std::uint32_t length, bool aligned) {
                 std::vector<MappedFile> mapped;
                 for (const auto& [size, is_pad] : files) mapped.push_back({size, is_pad});
                 return value_or_raise(FileMap::create(mapped, length, aligned));
             }),
             py::arg("files"), py::arg("piece_length"), py::arg("aligned") = false)
        .def_property_readonly("num_pieces", &FileMap::num_pieces)
        .def_property_readonly("total_size", &FileMap::total_size)
        .def("piece_size", [](const FileMap& m, std::uint32_t piece) { return m.piece_size(PieceIndex{piece}); })
        .def("pieces_of",
             [](const FileMap& m, std::uint32_t file) {
                 const PieceRange range = m.pieces_of(FileIndex{file});
                 return std::pair(range.first.value, range.last.value);
             })
        .def("file_offset", [](const FileMap& m, std::uint32_t file) { return m.file_offset(FileIndex{file}); })
        .def("file_at", [](const FileMap& m, std::uint32_t piece,
                           std::uint32_t begin) { return m.file_at(PieceIndex{piece}, begin).value; })
        .def("contains", [](const FileMap& m, std::uint32_t piece, std::uint32_t begin,
                            std::uint64_t length) { return m.contains(PieceIndex{piece}, begin, length); })
        .def("slices",
             [](const FileMap& m, std::uint32_t piece, std::uint64_t begin, std::uint64_t length) {
                 std::vector<Slice> out;
                 for (const auto& s : m.slices(PieceIndex{piece}, begin, length)) {
                     out.emplace_back(s.file.value, s.offset, s.length, s.is_pad);
                 }
                 return out;
             })
        .def("piece_priorities",
             [](const FileMap& m, const std::vector<std::uint8_t>& files) { return piece_priorities(m, files); })
        .def("verified_bytes",
             [](const FileMap& m, const std::vector<bool>& have) { return verified_bytes(m, bits_from(have)); })
        .def("payload_bytes",
             [](const FileMap& m, const std::vector<bool>& have) { return payload_bytes(m, bits_from(have)); });
    py::class_<PartFile>(module, "PartFile")
        .def(py::init<const FileMap&>())
        .def_property_readonly("num_slots", &PartFile::num_slots)
        .def("slot", [](const PartFile& p, std::uint32_t piece) { return p.slot(PieceIndex{piece}); })
        .def("offset", [](const PartFile& p, std::uint32_t piece,
                          std::uint32_t begin) { return p.offset(PieceIndex{piece}, begin); })
        .def_static("name", [](const py::bytes& hash) { return PartFile::name(view_of(hash)); });
    module.attr("max_total_size") = max_total_size;
    module.attr("max_pieces") = max_pieces;
    module.attr("max_files") = max_files;
}

void bind_journal(py::module_& module) {
    module.def("journal_header", [](const py::bytes& hash, std::uint64_t epoch) {
        return to_python(journal_header(view_of(hash), epoch));
    });
    module.def("journal_entry", [](const py::bytes& header, std::uint64_t place, std::uint32_t piece) {
        return to_python(journal_entry(view_of(header), place, PieceIndex{piece}));
    });
    module.def("read_journal", [](const py::bytes& bytes, const py::bytes& hash, std::uint32_t num_pieces) {
        const auto journal = value_or_raise(read_journal(view_of(bytes), view_of(hash), num_pieces));
        std::vector<std::uint32_t> pieces;
        for (const auto piece : journal.pieces) pieces.push_back(piece.value);
        return py::make_tuple(journal.epoch, pieces, journal.valid_bytes);
    });
}

void bind_layout(py::module_& module) {
    module.def("layout", [](const py::bytes& torrent) {
        const auto layout = value_or_raise(make_layout(value_or_raise(codec::parse_metainfo(view_of(torrent)))));
        std::vector<std::tuple<std::string, bool, bool>> files;
        for (std::uint32_t f = 0; f < layout.map.num_files(); ++f) {
            files.emplace_back(layout.files[f].path, layout.files[f].on_disk, layout.is_empty_file(f));
        }
        return py::make_tuple(files, layout.part_name(), layout.map.aligned(), layout.map.num_pieces());
    });
    py::class_<PieceExpectation>(module, "PieceExpectation")
        .def(py::init([](const py::bytes& torrent, std::uint32_t piece, bool with_layers) {
                 auto metainfo = value_or_raise(codec::parse_metainfo(view_of(torrent)));
                 if (!with_layers) metainfo = value_or_raise(codec::parse_info(metainfo.info_bytes()));
                 return expectation_of(metainfo, PieceIndex{piece});
             }),
             py::arg("torrent"), py::arg("piece"), py::arg("with_layers") = true)
        .def_property_readonly("is_known", &PieceExpectation::is_known)
        .def_property_readonly("leaf_count", [](const PieceExpectation& e) { return e.leaf_count; })
        .def_property_readonly("spans",
                               [](const PieceExpectation& e) {
                                   std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
                                   for (std::uint32_t n = 0; n < e.span_count(); ++n) out.push_back(e.span(n));
                                   return out;
                               })
        .def("passes", [](const PieceExpectation& e, const py::bytes& sha1, const std::vector<py::bytes>& leaves) {
            std::vector<Sha256Digest> digests;
            for (const auto& leaf : leaves) digests.push_back(Sha256Digest::from(view_of(leaf)));
            return passes(e, Sha1Digest::from(view_of(sha1)), digests);
        });
}

using Stamp = std::tuple<bool, std::uint64_t, std::int64_t>;

std::vector<FileStamp> stamps_from(const std::vector<Stamp>& stamps) {
    std::vector<FileStamp> out;
    for (const auto& [exists, size, mtime] : stamps) out.push_back({exists, size, mtime});
    return out;
}

void bind_fit(py::module_& module) {
    module.def(
        "fit_record",
        [](const FileMap& map, const std::optional<std::vector<bool>>& have, const std::vector<Stamp>& saved,
           const std::vector<Stamp>& now, const Stamp& part_saved, const Stamp& part_now,
           const std::vector<bool>& in_parts, const std::vector<std::uint32_t>& hinted) {
            const Bitfield bits = have ? bits_from(*have) : Bitfield();
            const auto saved_stamps = stamps_from(saved);
            SavedFiles files{have ? &bits : nullptr, saved_stamps, stamps_from({part_saved}).front(), nullptr};
            Bitfield hints(map.num_pieces());
            for (const auto piece : hinted) hints.set(PieceIndex{piece});
            files.hinted = &hints;
            const Fit fit = fit_record(map, files, stamps_from(now), stamps_from({part_now}).front(), in_parts);
            return py::make_tuple(bits_to(fit.trusted), bits_to(fit.to_check), fit.fits);
        },
        py::arg("map"), py::arg("have"), py::arg("saved"), py::arg("now"), py::arg("part_saved") = Stamp{},
        py::arg("part_now") = Stamp{}, py::arg("in_parts") = std::vector<bool>{},
        py::arg("hinted") = std::vector<std::uint32_t>{});
    module.def("distrust_newer", [](const FileMap& map, const std::vector<bool>& saved, const std::vector<bool>& now,
                                    const std::vector<Stamp>& stamps, const Stamp& part) {
        auto changed = stamps_from(stamps);
        FileStamp changed_part = stamps_from({part}).front();
        distrust_newer(map, bits_from(saved), bits_from(now), changed, changed_part);
        std::vector<Stamp> out;
        for (const auto& s : changed) out.emplace_back(s.exists, s.size, s.mtime_ns);
        return py::make_tuple(out, Stamp{changed_part.exists, changed_part.size, changed_part.mtime_ns});
    });
    module.def("trust_files", [](const FileMap& map, const std::vector<Stamp>& now) {
        return bits_to(trust_files(map, stamps_from(now)));
    });
}

}  // namespace

void bind_lab_storage(py::module_& module) {
    auto lab = module.def_submodule("lab").def_submodule("storage");
    bind_paths(lab);
    bind_file_map(lab);
    bind_journal(lab);
    bind_fit(lab);
    bind_layout(lab);
    bind_lab_resume(lab);
    bind_lab_disk(lab);
}

}  // namespace jst::bind
