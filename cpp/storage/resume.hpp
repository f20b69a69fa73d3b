// What a torrent and a session leave behind on disk, as bytes: the first form of persistence.
//
// A record is "jst<kind>\n", a version, a bencoded dictionary and a SHA-1 over all of it. Any flipped bit and any
// missing or added byte gives Errc::bad_record; a version from the future gives Errc::not_supported. Unknown keys are
// ignored, so a field can be added without a new version. Does not know where records are kept (engine/state_store) or
// whether they still fit the files (resume_fit). Invariants: 1. decode(encode(x)) == x, where lists past a limit below
// are cut and numbers past 2^63 held at it; 2. what decode() returns is within every limit; 3. no bytes make decode()
// use more than a few times their size.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bitfield.hpp"
#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "storage/file_wishes.hpp"

namespace jst::storage {

inline constexpr std::uint32_t record_version = 1;
inline constexpr std::size_t max_record_bytes = std::size_t{256} << 20;
inline constexpr std::size_t max_saved_peers = 1000;
inline constexpr std::size_t max_saved_trackers = 4096;  // of all tiers; also web seeds
inline constexpr std::size_t max_saved_bans = 100'000;
inline constexpr std::size_t max_saved_partials = 10'000;
inline constexpr std::size_t max_partial_bytes = std::size_t{8} << 10;  // of bits: a piece of a gibibyte
inline constexpr std::size_t max_saved_torrents = 1'000'000;
inline constexpr std::uint8_t as_the_files_say = 0xFF;  // a piece that the user said nothing of
inline constexpr std::size_t max_saved_settings = 256;

enum class WantedState : std::uint8_t { running, paused, stopped };

/// A file as it was when the record was made.
struct FileStamp {
    bool exists = false;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;

    friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// (file, piece): bytes of a file that is in the part file, which are in the file itself all the same.
using Straightened = std::set<std::pair<std::uint32_t, std::uint32_t>>;

struct RenamedFile {
    std::uint32_t file = 0;
    std::string path;  // relative, is_inside()

    friend bool operator==(const RenamedFile&, const RenamedFile&) = default;
};

struct SavedTotals {
    std::uint64_t payload_received = 0;
    std::uint64_t payload_verified = 0;
    std::uint64_t payload_failed = 0;
    std::uint64_t payload_redundant = 0;
    std::uint64_t payload_discarded = 0;
    std::uint64_t payload_sent = 0;
    std::uint64_t wire_received = 0;
    std::uint64_t wire_sent = 0;
    std::uint64_t pieces_failed = 0;
    std::uint64_t active_ns = 0;
    std::uint64_t seeding_ns = 0;

    friend bool operator==(const SavedTotals&, const SavedTotals&) = default;
};

/// Blocks of a piece that are on disk and were never proven.
struct PartialPiece {
    std::uint32_t piece = 0;
    ByteVector blocks;  // bits as on the wire; how many count, the torrent knows

    friend bool operator==(const PartialPiece&, const PartialPiece&) = default;
};

/// Per-torrent limits; nothing means that the session's holds.
struct SavedLimits {
    std::optional<std::uint64_t> download_rate;
    std::optional<std::uint64_t> upload_rate;
    std::optional<std::uint64_t> max_connections;
    std::optional<std::uint64_t> upload_slots;
    std::optional<std::uint64_t> seed_ratio_permille;
    std::optional<std::uint64_t> seed_time_ns;

    friend bool operator==(const SavedLimits&, const SavedLimits&) = default;
};

struct TorrentRecord {
    std::optional<Sha1Digest> info_hash;  // one of the two at least
    std::optional<Sha256Digest> info_hash_v2;
    ByteVector metainfo;  // the .torrent; empty while only a magnet link is known
    std::string magnet;   // the link, when there was one
    std::string save_path;
    WantedState wanted = WantedState::running;
    bool sequential = false;
    std::uint32_t queue_position = 0;
    WallTime added_at;
    std::optional<WallTime> completed_at;

    std::uint64_t epoch = 0;  // how many records there were: whose journal is whose
    bool writing = false;     // when it was made, files could be written to: there may be more than it knows
    Bitfield have;            // empty before the metadata
    std::vector<PartialPiece> partial;
    std::vector<FileStamp> files;
    FileStamp part_file;
    std::vector<bool> in_parts;                  // files whose bytes are in the part file; empty: none
    Straightened straightened;                   // but those of these pieces
    std::vector<std::uint8_t> file_priorities;   // empty: all default
    std::vector<std::uint8_t> piece_priorities;  // or as_the_files_say; empty: all
    std::vector<RenamedFile> renamed;
    std::string move_to;                // files may be on their way there
    std::vector<RenamedFile> renaming;  // or to these names
    std::vector<FileWish> wishes;       // before the metadata: what file_priorities is to become

    std::vector<std::vector<std::string>> trackers;  // tiers
    std::vector<std::string> web_seeds;
    std::vector<Endpoint> peers;
    SavedTotals totals;
    SavedLimits limits;

    friend bool operator==(const TorrentRecord&, const TorrentRecord&) = default;
};

struct SavedBan {
    IpAddress host;
    std::string reason;
    WallTime since;
    std::optional<WallTime> until;

    friend bool operator==(const SavedBan&, const SavedBan&) = default;
};

/// A setting that may be None, as the user changed it while the session ran.
struct SavedSetting {
    std::string name;
    std::optional<std::uint64_t> value;  // of a ratio: millionths

    friend bool operator==(const SavedSetting&, const SavedSetting&) = default;
};

/// How long a torrent ran, over all sessions so far.
struct SavedTimes {
    std::uint64_t active_ns = 0;
    std::uint64_t seeding_ns = 0;

    friend bool operator==(const SavedTimes&, const SavedTimes&) = default;
};

struct SessionRecord {
    std::vector<SavedBan> bans;
    std::vector<ByteVector> queue;  // info-hashes (20 or 32 bytes), first to start first
    std::vector<SavedTimes>
        times;  // of those in the queue: they pass without a change that makes a record of a torrent
    std::vector<SavedSetting> settings;
    SavedTotals totals;  // of all sessions so far, times not kept

    friend bool operator==(const SessionRecord&, const SessionRecord&) = default;
};

ByteVector encode(const TorrentRecord& record);
ByteVector encode(const SessionRecord& record);
/// Errc::bad_record (detail: 0 damaged, else the offset of the bad field), Errc::not_supported (detail: the version).
Result<TorrentRecord> decode_torrent_record(Bytes bytes);
Result<SessionRecord> decode_session_record(Bytes bytes);

}  // namespace jst::storage
