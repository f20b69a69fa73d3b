// Where the bytes of skipped files go that a wanted piece brings along: the part file `.<infohash>.parts`.
//
// Its layout needs no index: the n-th piece that touches more than one file has slot n, at n * piece_length. So a slot
// is a pure function of the metainfo and nothing on disk can contradict it. Slots that are not used stay holes. Does
// not know which files are skipped: FileStore keeps that, one flag for each file, and saves it in the record.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "storage/file_map.hpp"

namespace jst::storage {

class PartFile {
  public:
    PartFile() = default;
    explicit PartFile(const FileMap& map);

    /// Only pieces that touch two files or more (pad files not counted) have a slot.
    std::optional<std::uint32_t> slot(PieceIndex piece) const noexcept;
    /// Where byte `begin` of the piece is in the part file; nothing when the piece has no slot.
    std::optional<std::uint64_t> offset(PieceIndex piece, std::uint32_t begin) const noexcept;
    std::uint32_t num_slots() const noexcept { return static_cast<std::uint32_t>(shared_.size()); }

    /// ".<40 or 64 hex digits>.parts"
    static std::string name(Bytes info_hash);
    /// Of any torrent's, however a file system folds it, or begins like one.
    static bool is_name(std::string_view name);

    friend bool operator==(const PartFile&, const PartFile&) = default;

  private:
    std::vector<PieceIndex> shared_;
    std::uint32_t piece_length_ = 0;
};

}  // namespace jst::storage
