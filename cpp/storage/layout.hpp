// A torrent as it lies on disk: its file map and the safe path of each file, made from its metainfo.
//
// Decides which files are real: pad files and symlinks are never created (BEP 47). Does not know save_path, renames by
// the user or what is on disk. Invariants: 1. one path for each file of the metainfo, in its order, all is_inside().
#pragma once

#include <string>
#include <vector>

#include "codec/metainfo.hpp"
#include "storage/file_map.hpp"

namespace jst::storage {

struct LaidFile {
    std::string path;     // relative
    bool on_disk = true;  // false for pad files and symlinks
    bool is_executable = false;
};

struct Layout {
    FileMap map;
    std::vector<LaidFile> files;
    codec::InfoHashes hashes;

    /// Of the part file, relative.
    std::string part_name() const;
    bool is_empty_file(std::uint32_t file) const { return files[file].on_disk && map.file_size(FileIndex{file}) == 0; }
};

Result<Layout> make_layout(const codec::Metainfo& metainfo);

}  // namespace jst::storage
