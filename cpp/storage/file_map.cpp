#include "storage/file_map.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/effort.hpp"

namespace jst::storage {

Result<FileMap> FileMap::create(std::span<const MappedFile> files, std::uint32_t piece_length, bool aligned) {
    if (piece_length == 0 || piece_length > (1u << 30)) return fail(Errc::bad_piece_length);
    if (files.empty() || files.size() > max_files) return fail(Errc::too_many_files, files.size());
    FileMap map;
    map.piece_length_ = piece_length;
    map.aligned_ = aligned;
    map.files_.reserve(files.size());
    std::uint64_t at = 0;
    for (const MappedFile& file : files) {
        if (aligned) at = (at + piece_length - 1) / piece_length * piece_length;
        if (file.size > max_total_size || at > max_total_size - file.size) return fail(Errc::too_large, file.size);
        map.files_.push_back({at, file.size & (~std::uint64_t{0} >> 1), file.is_pad});  // it was found to be less
        at += file.size;
        map.total_size_ += file.size;
        if (file.size != 0) map.end_ = at;
    }
    const std::uint64_t pieces = (map.end_ + piece_length - 1) / piece_length;
    if (pieces > max_pieces) return fail(Errc::too_many_pieces, pieces);
    map.num_pieces_ = static_cast<std::uint32_t>(pieces);
    return map;
}

std::uint32_t FileMap::file_of(std::uint64_t position) const noexcept {
    effort();
    const auto after = std::upper_bound(files_.begin(), files_.end(), position,
                                        [](std::uint64_t at, const Extent& file) { return at < file.start; });
    return static_cast<std::uint32_t>(after - files_.begin() - 1);
}

std::uint32_t FileMap::piece_size(PieceIndex piece) const noexcept {
    if (piece.value >= num_pieces_) return 0;
    const std::uint64_t start = std::uint64_t{piece.value} * piece_length_;
    std::uint64_t end = end_;
    if (aligned_) {
        const Extent& file = files_[file_of(start)];
        end = file.start + file.size;
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(end - start, piece_length_));
}

PieceRange FileMap::pieces_of(FileIndex file) const noexcept {
    const std::uint64_t start = files_[file.value].start;
    const std::uint64_t size = files_[file.value].size;
    const auto first = PieceIndex{static_cast<std::uint32_t>(start / piece_length_)};
    if (size == 0) return {first, first};
    return {first, PieceIndex{static_cast<std::uint32_t>((start + size - 1) / piece_length_ + 1)}};
}

FileIndex FileMap::file_at(PieceIndex piece, std::uint32_t begin) const noexcept {
    return FileIndex{file_of(std::uint64_t{piece.value} * piece_length_ + begin)};
}

bool FileMap::valid_run(std::uint64_t start, std::uint64_t length) const noexcept {
    if (length == 0 || start >= end_ || length > end_ - start) return false;
    if (!aligned_) return true;
    const Extent& file = files_[file_of(start)];
    return start - file.start < file.size && length <= file.size - (start - file.start);
}

bool FileMap::contains(PieceIndex piece, std::uint32_t begin, std::uint64_t length) const noexcept {
    const std::uint32_t size = piece_size(piece);
    return length > 0 && begin < size && length <= size - begin;
}

FileSlice FileMap::first_slice(PieceIndex piece, std::uint64_t begin, std::uint64_t length) const noexcept {
    const std::uint64_t start = std::uint64_t{piece.value} * piece_length_ + begin;
    const std::uint32_t file = file_of(start);
    const std::uint64_t offset = start - files_[file].start;
    return {FileIndex{file}, offset, std::min(files_[file].size - offset, length), files_[file].is_pad != 0};
}

std::vector<FileSlice> FileMap::slices(PieceIndex piece, std::uint64_t begin, std::uint64_t length) const {
    std::vector<FileSlice> out;
    each_slice(piece, begin, length, [&](const FileSlice& slice) { out.push_back(slice); });
    return out;
}

std::vector<std::uint8_t> piece_priorities(const FileMap& map, std::span<const std::uint8_t> priorities) {
    std::vector<std::uint8_t> pieces(map.num_pieces(), 0);
    std::vector<bool> has_payload(map.num_pieces(), false);
    std::uint8_t highest = 0;
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        const FileIndex file{f};
        if (map.is_pad(file)) continue;
        const std::uint8_t given = f < priorities.size() ? priorities[f] : default_priority;
        const std::uint8_t priority = std::min(given, max_priority);
        highest = std::max(highest, priority);
        const PieceRange range = map.pieces_of(file);
        for (PieceIndex p = range.first; p < range.last; ++p) {
            pieces[p.value] = std::max(pieces[p.value], priority);
            has_payload[p.value] = true;
        }
    }
    for (std::uint32_t p = 0; p < map.num_pieces(); ++p) {
        if (!has_payload[p]) pieces[p] = highest;
    }
    return pieces;
}

std::uint64_t verified_bytes(const FileMap& map, const Bitfield& have, FileIndex file) {
    const PieceRange range = map.pieces_of(file);
    const std::uint64_t start = map.file_offset(file);
    const std::uint64_t end = start + map.file_size(file);
    std::uint64_t sum = 0;
    for (PieceIndex p = have.next_set(range.first); p < range.last; p = have.next_set(PieceIndex{p.value + 1})) {
        const std::uint64_t from = std::max(start, std::uint64_t{p.value} * map.piece_length());
        const std::uint64_t to = std::min(end, (std::uint64_t{p.value} + 1) * map.piece_length());
        sum += to - from;
    }
    return sum;
}

std::vector<std::uint64_t> verified_bytes(const FileMap& map, const Bitfield& have) {
    std::vector<std::uint64_t> out(map.num_files());
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        out[f] = have.all() && have.size() == map.num_pieces() ? map.file_size(FileIndex{f})
                                                               : verified_bytes(map, have, FileIndex{f});
    }
    return out;
}

std::uint64_t payload_bytes(const FileMap& map, const Bitfield& pieces) {
    std::uint64_t sum = 0;
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        if (!map.is_pad(FileIndex{f})) sum += verified_bytes(map, pieces, FileIndex{f});
    }
    return sum;
}

}  // namespace jst::storage
