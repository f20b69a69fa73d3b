#include "storage/part_file.hpp"

#include <algorithm>

#include "storage/safe_path.hpp"

namespace jst::storage {
namespace {

constexpr std::string_view extension = ".parts";

}  // namespace

PartFile::PartFile(const FileMap& map) {
    // A piece is shared when a file starts in it after another one did or went on; files come in order, so do pieces.
    PieceIndex last_touched;
    bool touched = false;
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        const FileIndex file{f};
        const PieceRange range = map.pieces_of(file);
        if (map.is_pad(file) || range.empty()) continue;
        const bool shares = touched && last_touched == range.first;
        if (shares && (shared_.empty() || shared_.back() != range.first)) shared_.push_back(range.first);
        last_touched = PieceIndex{range.last.value - 1};
        touched = true;
    }
    if (!shared_.empty()) piece_length_ = map.piece_length();
    shared_.shrink_to_fit();
}

std::optional<std::uint32_t> PartFile::slot(PieceIndex piece) const noexcept {
    const auto found = std::lower_bound(shared_.begin(), shared_.end(), piece);
    if (found == shared_.end() || *found != piece) return std::nullopt;
    return static_cast<std::uint32_t>(found - shared_.begin());
}

std::optional<std::uint64_t> PartFile::offset(PieceIndex piece, std::uint32_t begin) const noexcept {
    const auto n = slot(piece);
    if (!n || begin >= piece_length_) return std::nullopt;
    return std::uint64_t{*n} * piece_length_ + begin;
}

std::string PartFile::name(Bytes info_hash) { return "." + to_hex(info_hash) + std::string(extension); }

bool PartFile::is_name(std::string_view name) {
    if (!name.starts_with('.')) return false;
    const std::string folded = fold_path(name.substr(1));
    const std::size_t digits = std::min(folded.find_first_not_of("0123456789abcdef"), folded.size());
    return (digits == 40 || digits == 64) && std::string_view(folded).substr(digits).starts_with(extension);
}

}  // namespace jst::storage
