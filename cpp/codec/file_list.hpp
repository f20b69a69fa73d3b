// The files of an info dictionary: the list of BEP 3 and the tree of BEP 52, with the attributes of BEP 47.
//
// Checks shapes, sizes and limits; leaves names raw. Knows no piece hashes.
#pragma once

#include "codec/metainfo.hpp"

namespace jst::codec {

struct FileList {
    std::vector<FileEntry> files;
    bool single_file = false;
    std::uint64_t size = 0;  ///< of all files
    std::uint64_t path_bytes = 0;
    std::uint64_t extent = 0;  ///< offset behind the last byte; in v2 up to the end of its piece
};

Result<FileList> read_v1_files(BencodeNode info, const std::string& raw_name, const MetainfoLimits& limits);
Result<FileList> read_v2_files(BencodeNode info, const std::string& raw_name, std::uint32_t piece_length,
                               const MetainfoLimits& limits);

/// Gives the roots of the tree to the files of the list, or Errc::hybrid_mismatch (`offset`: of the info dictionary)
/// where names, sizes or places differ.
Result<void> join_halves(FileList& v1, const FileList& v2, std::size_t offset);

}  // namespace jst::codec
