#include "storage/journal.hpp"

#include <algorithm>

#include "base/prng.hpp"

namespace jst::storage {
namespace {

// Magic (7), length of the info-hash (1), info-hash (32, padded), epoch (8): 48 bytes.
constexpr std::string_view magic = "jstjrn1";

std::uint64_t checksum(Bytes header, std::uint64_t place, std::uint32_t piece) noexcept {
    return mix(mix(name_hash(as_text(header)), place), piece);
}

}  // namespace

ByteVector journal_header(Bytes info_hash, std::uint64_t epoch) {
    ByteVector out;
    ByteWriter writer(out);
    writer.text(magic)
        .u8(static_cast<Byte>(info_hash.size()))
        .bytes(info_hash.first(std::min<std::size_t>(info_hash.size(), 32)));
    out.resize(journal_header_bytes - 8);
    writer.u64(epoch);
    return out;
}

ByteVector journal_entry(Bytes header, std::uint64_t place, PieceIndex piece) {
    ByteVector out;
    ByteWriter(out).u32(piece.value).u64(checksum(header, place, piece.value));
    return out;
}

Result<Journal> read_journal(Bytes bytes, Bytes info_hash, std::uint32_t num_pieces) {
    if (bytes.size() < journal_header_bytes || bytes.size() > max_journal_bytes) return fail(Errc::bad_record);
    const Bytes header = bytes.first(journal_header_bytes);
    Journal journal;
    journal.epoch = load_be<std::uint64_t>(header.data() + journal_header_bytes - 8);
    const ByteVector expected = journal_header(info_hash, journal.epoch);
    if (!std::equal(header.begin(), header.end(), expected.begin(), expected.end())) return fail(Errc::bad_record);
    journal.valid_bytes = journal_header_bytes;
    for (std::uint64_t place = 0; bytes.size() - journal.valid_bytes >= journal_entry_bytes; ++place) {
        const Byte* entry = bytes.data() + journal.valid_bytes;
        const auto piece = load_be<std::uint32_t>(entry);
        if (piece >= num_pieces || load_be<std::uint64_t>(entry + 4) != checksum(header, place, piece)) break;
        journal.pieces.push_back(PieceIndex{piece});
        journal.valid_bytes += journal_entry_bytes;
    }
    return journal;
}

}  // namespace jst::storage
