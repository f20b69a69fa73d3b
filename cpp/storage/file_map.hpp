// Where the bytes of a torrent are: pieces and blocks to slices of files, and back.
//
// BEP 3: files lie end to end. BEP 52 (`aligned`): each file starts a new piece, the last piece of a file is short, no
// piece spans files. BEP 47: pad files read as zeros and are never written. Does not know paths, disks or priorities'
// origin. Invariants: 1. slices of a range are in order, non-empty and add up to its length; 2. zero-byte files never
// appear;
// 3. a lookup costs O(log files), a walk O(slices); 4. all offsets are 64 bit: total size up to max_total_size.
#pragma once

#include <span>
#include <vector>

#include "base/bitfield.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace jst::storage {

inline constexpr std::uint64_t max_total_size = std::uint64_t{1} << 50;
inline constexpr std::uint32_t max_pieces = 1u << 24;
inline constexpr std::uint32_t max_files = 1u << 22;
inline constexpr std::uint8_t default_priority = 4;
inline constexpr std::uint8_t max_priority = 7;

struct MappedFile {
    std::uint64_t size = 0;
    bool is_pad = false;
};

struct FileSlice {
    FileIndex file;
    std::uint64_t offset = 0;  // in the file
    std::uint64_t length = 0;
    bool is_pad = false;

    friend bool operator==(const FileSlice&, const FileSlice&) = default;
};

/// Pieces [first, last).
struct PieceRange {
    PieceIndex first;
    PieceIndex last;

    std::uint32_t size() const noexcept { return last.value - first.value; }
    bool empty() const noexcept { return first == last; }
    friend bool operator==(const PieceRange&, const PieceRange&) = default;
};

class FileMap {
  public:
    FileMap() = default;
    /// Errc::bad_piece_length, too_large, too_many_files or too_many_pieces.
    static Result<FileMap> create(std::span<const MappedFile> files, std::uint32_t piece_length, bool aligned = false);

    std::uint32_t num_files() const noexcept { return static_cast<std::uint32_t>(files_.size()); }
    std::uint32_t num_pieces() const noexcept { return num_pieces_; }
    std::uint32_t piece_length() const noexcept { return piece_length_; }
    /// Bytes of all files, pad files included (v1: the length that the piece hashes cover).
    std::uint64_t total_size() const noexcept { return total_size_; }
    bool aligned() const noexcept { return aligned_; }

    /// 0 when out of range.
    std::uint32_t piece_size(PieceIndex piece) const noexcept;
    std::uint64_t file_size(FileIndex file) const noexcept { return files_[file.value].size; }
    bool is_pad(FileIndex file) const noexcept { return files_[file.value].is_pad != 0; }
    /// Where the file starts when pieces lie end to end (piece * piece_length + begin).
    std::uint64_t file_offset(FileIndex file) const noexcept { return files_[file.value].start; }
    /// The pieces that hold bytes of the file; empty for a zero-byte file.
    PieceRange pieces_of(FileIndex file) const noexcept;
    /// The file that holds byte `begin` of the piece.
    FileIndex file_at(PieceIndex piece, std::uint32_t begin) const noexcept;
    /// The bytes are within this piece; the same for a run that may go on over the pieces that follow.
    bool contains(PieceIndex piece, std::uint32_t begin, std::uint64_t length) const noexcept;
    bool contains_run(PieceIndex piece, std::uint64_t begin, std::uint64_t length) const noexcept {
        return begin <= end_ && valid_run(std::uint64_t{piece.value} * piece_length_ + begin, length);
    }
    /// The first slice of such a run.
    FileSlice first_slice(PieceIndex piece, std::uint64_t begin, std::uint64_t length) const noexcept;

    /// Calls visit(const FileSlice&) for `length` bytes from byte `begin` of the piece; a run may go on over the pieces
    /// that follow. False, and no call, when the range is not within the torrent (or, aligned, within one file).
    template <class Visit>
    bool each_slice(PieceIndex piece, std::uint64_t begin, std::uint64_t length, Visit&& visit) const;
    /// The same as a list; empty when out of range.
    std::vector<FileSlice> slices(PieceIndex piece, std::uint64_t begin, std::uint64_t length) const;

  private:
    bool valid_run(std::uint64_t start, std::uint64_t length) const noexcept;
    std::uint32_t file_of(std::uint64_t position) const noexcept;

    struct Extent {
        std::uint64_t start;
        std::uint64_t size : 63;
        std::uint64_t is_pad : 1;
    };
    std::vector<Extent> files_;  // starts ascend; a zero-byte file and its successor have the same
    std::uint64_t total_size_ = 0;
    std::uint64_t end_ = 0;  // the end of the last file in piece space
    std::uint32_t piece_length_ = 0;
    std::uint32_t num_pieces_ = 0;
    bool aligned_ = false;
};

/// The highest priority of the files in each piece (0: skip). A piece shared with a skipped file stays wanted; one of
/// padding only is wanted like the most wanted file. `priorities`: one for each file; missing ones are
/// default_priority.
std::vector<std::uint8_t> piece_priorities(const FileMap& map, std::span<const std::uint8_t> priorities);

/// Verified bytes of one file, and of all of them in one pass.
std::uint64_t verified_bytes(const FileMap& map, const Bitfield& have, FileIndex file);
std::vector<std::uint64_t> verified_bytes(const FileMap& map, const Bitfield& have);

/// Bytes (pad files excluded) of the pieces whose bit is set.
std::uint64_t payload_bytes(const FileMap& map, const Bitfield& pieces);

template <class Visit>
bool FileMap::each_slice(PieceIndex piece, std::uint64_t begin, std::uint64_t length, Visit&& visit) const {
    const std::uint64_t start = std::uint64_t{piece.value} * piece_length_ + begin;
    if (!contains_run(piece, begin, length)) return false;
    std::uint64_t at = start;
    for (std::uint32_t f = file_of(at); length > 0; f = file_of(at)) {
        const Extent& file = files_[f];
        const std::uint64_t offset = at - file.start;
        const std::uint64_t here = file.size - offset < length ? file.size - offset : length;
        visit(FileSlice{FileIndex{f}, offset, here, file.is_pad != 0});
        at += here;
        length -= here;
    }
    return true;
}

}  // namespace jst::storage
