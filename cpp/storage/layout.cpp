#include "storage/layout.hpp"

#include "storage/part_file.hpp"
#include "storage/safe_path.hpp"

namespace jst::storage {

std::string Layout::part_name() const { return PartFile::name(hashes.v1 ? hashes.v1->view() : hashes.v2->view()); }

Result<Layout> make_layout(const codec::Metainfo& metainfo) {
    const auto& files = metainfo.files();
    std::vector<MappedFile> mapped;
    std::vector<RawFile> raw;
    mapped.reserve(files.size());
    raw.reserve(files.size());
    for (const auto& file : files) {
        mapped.push_back({file.size, file.is_pad});
        RawFile& one = raw.emplace_back();
        one.components.assign(file.raw_path.begin(), file.raw_path.end());
        one.on_disk = !file.is_pad && !file.is_symlink;
    }
    Layout layout;
    const bool aligned = metainfo.version() == codec::MetainfoVersion::v2;
    JST_TRY(map, FileMap::create(mapped, metainfo.piece_length(), aligned));
    layout.map = std::move(map);
    if (layout.map.num_pieces() != metainfo.num_pieces()) return fail(Errc::bad_pieces);
    const std::string_view root =
        metainfo.is_single_file() ? std::string_view() : std::string_view(metainfo.raw_name());
    // A torrent without a usable name still gets a directory of its own: its shown name is never empty.
    const bool nameless = !metainfo.is_single_file() && root.empty();
    auto paths = safe_paths(nameless ? std::string_view(metainfo.name()) : root, raw);
    layout.files.reserve(files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
        layout.files.push_back({std::move(paths[i]), raw[i].on_disk, files[i].is_executable});
    }
    layout.hashes = metainfo.hashes();
    return layout;
}

}  // namespace jst::storage
