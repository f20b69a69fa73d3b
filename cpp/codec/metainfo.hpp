// What a .torrent file says: BEP 3 (v1), BEP 52 (v2) and both at once (hybrid), with BEP 12, 19, 27 and 47.
//
// Decides whether the parts fit each other; knows no disk: names are raw and become paths only in storage/safe_path.
// Invariants: 1. num_pieces >= 1 and total_size is the sum of all piece sizes; 2. file offsets ascend within
// [0, max_total_size]; in v2 every file begins a piece; 3. piece layers fit their roots; 4. both halves of a hybrid
// name the same files at the same places; 5. never changed after parsing, so it may be shared by address.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/rare.hpp"
#include "codec/bencode.hpp"
#include "codec/host_port.hpp"
#include "codec/info_hash.hpp"

namespace jst::codec {

struct MetainfoLimits {
    BencodeLimits bencode;                      ///< 64 MiB, 64 levels, 3 million tokens
    std::uint32_t max_pieces = 1u << 21;        ///< 2,097,152
    std::uint32_t max_piece_length = 1u << 29;  ///< 512 MiB
    std::uint32_t max_files = 400'000;          ///< about what the tokens allow
    std::uint32_t max_path_components = 128;    ///< directories of one file
    std::uint32_t max_component_size = 4096;    ///< bytes of one raw name
    /// Of all paths together, with 32 for each component: a deep tree repeats its directories in every file.
    std::uint64_t max_path_bytes = std::uint64_t{256} << 20;
    std::uint64_t max_total_size = 1ull << 50;  ///< one pebibyte
    std::uint32_t max_trackers = 1024;          ///< more are left out
    std::uint32_t max_web_seeds = 1024;         ///< more are left out
    std::uint32_t max_nodes = 1024;             ///< more are left out
    std::uint32_t max_url_size = 2048;          ///< longer ones are left out
    /// BEP 52 wants the layers in the file; without them (they come from peers) the pieces of large files are unknown.
    bool layers_required = true;
};

enum class MetainfoVersion : std::uint8_t { v1, v2, hybrid };

struct FileEntry {
    std::vector<std::string> raw_path;  ///< as sent, below the torrent's directory; at least one, none checked for harm
    std::uint64_t size = 0;             ///< 0 for symlinks, which hold no data
    std::uint64_t offset = 0;           ///< in the row of all pieces
    bool is_pad = false;                ///< BEP 47, or BitComet's by name: zeros, never on disk
    bool is_executable = false;
    bool is_hidden = false;
    bool is_symlink = false;  ///< never followed, never made
    Rare<std::vector<std::string>> symlink_target;
    Rare<std::optional<Sha256Digest>> pieces_root;  ///< v2, not for empty files

    /// UTF-8 repaired, joined by '/': to be shown, not to be opened.
    std::string display_path() const;
};

using TrackerTiers = std::vector<std::vector<std::string>>;

/// What stands around the info dictionary: may change without making it another torrent.
struct Envelope {
    TrackerTiers trackers;
    std::vector<std::string> web_seeds;
    std::vector<HostPort> nodes;
    std::optional<std::string> comment;
    std::optional<std::string> created_by;
    std::optional<std::int64_t> created_at;
    /// Top-level keys of no meaning here with their encoded values, sorted: kept for writing.
    std::vector<std::pair<std::string, ByteVector>> extra;

    friend bool operator==(const Envelope&, const Envelope&) = default;
};

class Metainfo {
  public:
    MetainfoVersion version() const noexcept;
    const InfoHashes& hashes() const noexcept { return hashes_; }
    /// UTF-8 repaired; the info-hash in hex where the torrent gives no name.
    const std::string& name() const noexcept { return repaired_name_->empty() ? raw_name_ : *repaired_name_; }
    const std::string& raw_name() const noexcept { return raw_name_; }
    /// One file without a directory of its own. Otherwise raw_name() is the directory that raw_path lies in.
    bool is_single_file() const noexcept { return single_file_; }
    std::uint32_t piece_length() const noexcept { return piece_length_; }
    std::uint32_t num_pieces() const noexcept { return num_pieces_; }
    /// Bytes of payload. In v1 and hybrid with the pad files, in v2 without the gaps between files.
    std::uint64_t total_size() const noexcept { return total_size_; }
    /// Shorter for the last piece of the torrent, in v2 of each file.
    std::uint32_t piece_size(PieceIndex piece) const noexcept;
    const std::vector<FileEntry>& files() const noexcept { return files_; }
    /// First and one-past-last piece that hold bytes of the file; both the same when it is empty.
    std::pair<PieceIndex, PieceIndex> pieces_of(const FileEntry& file) const noexcept;
    bool is_private() const noexcept { return private_; }
    const std::optional<std::string>& source() const noexcept { return *source_; }
    const Envelope& envelope() const noexcept { return *envelope_; }
    const TrackerTiers& trackers() const noexcept { return envelope_->trackers; }
    const std::vector<std::string>& web_seeds() const noexcept { return envelope_->web_seeds; }
    Bytes info_bytes() const noexcept { return info_; }

    /// v1: 20 bytes within info_bytes(). Empty in v2.
    Bytes piece_hash(PieceIndex piece) const noexcept;
    /// v2 and hybrid: the root of the piece's tree of 16 KiB leaves; nothing where the layer is not known yet, in v1,
    /// and for a hybrid's pieces of no v2 file.
    const Sha256Digest* piece_root(PieceIndex piece) const noexcept;
    /// How many leaves that tree has, missing ones included (a power of two).
    std::uint64_t piece_tree_width(PieceIndex piece) const noexcept;
    /// v2: bytes of the piece that the tree covers (a hybrid's piece_size() may hold padding behind them).
    std::uint32_t piece_tree_size(PieceIndex piece) const noexcept;
    /// False when a piece of a v2 or hybrid torrent has no known root.
    bool has_all_layers() const noexcept { return layers_->complete; }

    /// The same torrent in another envelope.
    Metainfo with_envelope(Envelope envelope) const;

  private:
    friend class MetainfoParser;
    struct Layers {
        std::vector<std::uint32_t> files;  // those with bytes, by offset
        std::vector<Sha256Digest> roots;   // one for each piece
        std::vector<bool> known;
        bool complete = true;

        friend bool operator==(const Layers&, const Layers&) = default;
    };
    const FileEntry* v2_file_of(PieceIndex piece) const noexcept;

    InfoHashes hashes_;
    std::string raw_name_;
    Rare<std::string> repaired_name_;  // where it is another
    ByteVector info_;
    std::vector<FileEntry> files_;
    Rare<Layers> layers_;
    std::size_t hashes_at_ = 0;  // of the v1 piece hashes in info_
    std::uint64_t total_size_ = 0;
    std::uint32_t piece_length_ = 0;
    std::uint32_t num_pieces_ = 0;
    bool single_file_ = false;
    bool private_ = false;
    Rare<std::optional<std::string>> source_;
    Rare<Envelope> envelope_;
};

Result<Metainfo> parse_metainfo(Bytes torrent, const MetainfoLimits& limits = {});
/// The bare info dictionary, as peers send it (BEP 9): no envelope, piece layers unknown.
Result<Metainfo> parse_info(Bytes info, const MetainfoLimits& limits = {});

}  // namespace jst::codec
