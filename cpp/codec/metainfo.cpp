#include "codec/metainfo.hpp"

#include <algorithm>
#include <bit>

#include "codec/merkle.hpp"
#include "codec/utf8.hpp"

namespace jst::codec {

std::string FileEntry::display_path() const {
    std::string out;
    for (const auto& component : raw_path) {
        if (!out.empty()) out += '/';
        out += repair_utf8(component);
    }
    return out;
}

MetainfoVersion Metainfo::version() const noexcept {
    if (!hashes_.v2) return MetainfoVersion::v1;
    return hashes_.v1 ? MetainfoVersion::hybrid : MetainfoVersion::v2;
}

const FileEntry* Metainfo::v2_file_of(PieceIndex piece) const noexcept {
    const std::uint64_t begin = std::uint64_t{piece.value} * piece_length_;
    const auto behind =
        std::upper_bound(layers_->files.begin(), layers_->files.end(), begin,
                         [&](std::uint64_t at, std::uint32_t file) { return at < files_[file].offset; });
    return behind == layers_->files.begin() ? nullptr : &files_[*(behind - 1)];
}

std::uint32_t Metainfo::piece_tree_size(PieceIndex piece) const noexcept {
    const FileEntry* const file = piece.value < num_pieces_ ? v2_file_of(piece) : nullptr;
    if (file == nullptr) return 0;
    const std::uint64_t begin = std::uint64_t{piece.value} * piece_length_;
    const std::uint64_t end = file->offset + file->size;
    return begin >= end ? 0 : static_cast<std::uint32_t>(std::min<std::uint64_t>(piece_length_, end - begin));
}

std::uint32_t Metainfo::piece_size(PieceIndex piece) const noexcept {
    if (piece.value >= num_pieces_) return 0;
    if (version() == MetainfoVersion::v2) return piece_tree_size(piece);
    const std::uint64_t begin = std::uint64_t{piece.value} * piece_length_;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(piece_length_, total_size_ - begin));
}

std::pair<PieceIndex, PieceIndex> Metainfo::pieces_of(const FileEntry& file) const noexcept {
    const std::uint64_t first = std::min<std::uint64_t>(file.offset / piece_length_, num_pieces_);
    const std::uint64_t last = file.size == 0 ? first : (file.offset + file.size - 1) / piece_length_ + 1;
    return {PieceIndex(static_cast<std::uint32_t>(first)), PieceIndex(static_cast<std::uint32_t>(last))};
}

Bytes Metainfo::piece_hash(PieceIndex piece) const noexcept {
    if (!hashes_.v1 || piece.value >= num_pieces_) return {};
    return Bytes(info_).subspan(hashes_at_ + std::size_t{piece.value} * Sha1Digest::size, Sha1Digest::size);
}

const Sha256Digest* Metainfo::piece_root(PieceIndex piece) const noexcept {
    if (piece.value >= layers_->roots.size() || !layers_->known[piece.value]) return nullptr;
    return &layers_->roots[piece.value];
}

std::uint64_t Metainfo::piece_tree_width(PieceIndex piece) const noexcept {
    const FileEntry* const file = piece.value < num_pieces_ ? v2_file_of(piece) : nullptr;
    if (file == nullptr) return 0;
    // A file of one piece has no layer: its tree is only as wide as its own blocks need.
    if (file->size <= piece_length_) return std::bit_ceil(block_count(file->size));
    return piece_length_ / block_size;
}

Metainfo Metainfo::with_envelope(Envelope envelope) const {
    Metainfo copy = *this;
    copy.envelope_ = std::move(envelope);
    return copy;
}

}  // namespace jst::codec
