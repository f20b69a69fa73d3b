// Writes .torrent files: new ones (BEP 3, v1 only so far), and known ones in another envelope.
//
// Invariants: 1. canonical bencode, so the same facts give the same bytes; 2. info bytes of a known torrent are copied,
// never written anew: its info-hash cannot change. Knows no disk: sizes and hashes are arguments.
#pragma once

#include <string>
#include <vector>

#include "codec/metainfo.hpp"

namespace jst::codec {

struct NewFile {
    std::vector<std::string> path;
    std::uint64_t size = 0;
};

struct NewTorrent {
    MetainfoVersion version = MetainfoVersion::v1;
    std::string name;
    bool single_file = false;  ///< then files holds one, whose path is the name
    std::vector<NewFile> files;
    std::uint32_t piece_length = 0;
    ByteVector piece_hashes;  ///< 20 bytes a piece
    bool is_private = false;
    std::optional<std::string> source;
};

/// The info dictionary. Errc::not_supported for v2 and hybrid, Errc::invalid_argument when the facts do not fit.
Result<ByteVector> write_info(const NewTorrent& torrent);

/// A whole .torrent around that, or around the info dictionary of a known torrent.
ByteVector write_torrent(Bytes info, const Envelope& envelope);
ByteVector write_torrent(const Metainfo& torrent);

/// Power of two, 16 KiB to 16 MiB, so that the torrent has about a thousand to two thousand pieces.
std::uint32_t default_piece_length(std::uint64_t total_size) noexcept;

}  // namespace jst::codec
