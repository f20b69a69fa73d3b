// The pieces verified since the last record: an append-only file of small checksummed entries, not synced.
//
// A header names the torrent and the record it continues (`epoch`); each entry has a fixed size and a checksum that
// covers the header, its place and its piece, so entries of another journal or out of place never count. Reading stops
// at the first entry that does not fit: a torn tail costs the pieces after it (they are checked), never a false have
// bit.
#pragma once

#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace jst::storage {

inline constexpr std::size_t journal_header_bytes = 48;
inline constexpr std::size_t journal_entry_bytes = 12;
inline constexpr std::size_t max_journal_bytes = std::size_t{256} << 20;

struct Journal {
    std::uint64_t epoch = 0;
    std::vector<PieceIndex> pieces;
    std::size_t valid_bytes = 0;  // append after this, cutting off the torn tail

    friend bool operator==(const Journal&, const Journal&) = default;
};

/// `info_hash`: 20 or 32 bytes.
ByteVector journal_header(Bytes info_hash, std::uint64_t epoch);
/// The entry that stands `place`-th (0 first) in the journal with this header.
ByteVector journal_entry(Bytes header, std::uint64_t place, PieceIndex piece);
/// Errc::bad_record when the header is not this torrent's; never an error for the tail. Pieces >= num_pieces end it
/// too.
Result<Journal> read_journal(Bytes bytes, Bytes info_hash, std::uint32_t num_pieces);

}  // namespace jst::storage
