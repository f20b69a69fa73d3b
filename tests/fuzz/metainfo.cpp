// metainfo and magnet: whatever is accepted keeps its own promises about pieces, files and offsets.
#include "codec/metainfo.hpp"

#include <cstdlib>

#include "codec/magnet.hpp"

namespace {

using namespace jst;
using namespace jst::codec;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const Metainfo& torrent) {
    std::uint64_t pieces = 0;
    const std::uint32_t looked_at = std::min(torrent.num_pieces(), 4096u);
    for (std::uint32_t i = 0; i < looked_at; ++i) {
        const std::uint32_t size = torrent.piece_size(PieceIndex{i});
        require(size > 0 && size <= torrent.piece_length());
        const Bytes hash = torrent.piece_hash(PieceIndex{i});
        require(hash.empty() || hash.size() == 20);
        pieces += size;
    }
    require(pieces <= torrent.total_size());
    std::uint64_t end = 0;
    for (const FileEntry& file : torrent.files()) {
        require(!file.raw_path.empty());
        require(file.offset >= end);
        end = file.offset + file.size;
        const auto [first, last] = torrent.pieces_of(file);
        require(first.value <= last.value && last.value <= torrent.num_pieces());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input{data, size};
    if (const auto torrent = parse_metainfo(input)) check(*torrent);
    if (const auto torrent = parse_info(input)) check(*torrent);
    if (const auto magnet = Magnet::parse(as_text(input))) {
        const auto again = Magnet::parse(magnet->to_string());
        require(again.has_value() && *again == *magnet);
    }
    return 0;
}
