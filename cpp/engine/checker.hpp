// Finds out which pieces on disk are right: the first check of a torrent, recheck, and the doubtful part of a record.
//
// What the system has in memory is hashed there, a PieceRun at a time. The rest it reads through the FileStore and
// hashes through Compute, several pieces side by side within a memory budget; one longer than a chunk in chunks. Where
// files are missing or end too early the piece is missing; any other disk error ends the check. Of a hybrid the v1 half
// decides, as when it is fetched. Pieces that lie in holes only are compared with the hash of zeros, found once. Does
// not know have bits or states: it answers on_piece for each piece asked about, in any order, and on_done once.
// Invariants: 1. buffers <= budget (at least one chunk);
// 2. no answer inside start() or cancel(); 3. after cancel() no new read is made, and on_done follows when those under
// way have ended.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bitfield.hpp"
#include "engine/file_store.hpp"
#include "engine/piece_run.hpp"
#include "runtime/compute.hpp"
#include "storage/piece_check.hpp"

namespace jst::engine {

inline constexpr std::uint32_t check_chunk_bytes = 256u << 10;  // so that all lanes stay in the CPU's caches
inline constexpr std::uint32_t check_ahead_bytes = 1u << 20;    // so much a disk is asked for at once
inline constexpr std::size_t max_check_lanes = 32;  // two groups of as many messages as are hashed side by side
inline constexpr std::uint32_t max_shortcuts_per_turn = 4096;
/// Pieces that a disk may fail to read and that count as missing; with one more it counts as broken.
inline constexpr std::uint32_t max_unreadable_pieces = 16;

class Checker {
  public:
    using PieceHandler = void (*)(Checker& checker, PieceIndex piece, bool good, Time now);
    using DoneHandler = void (*)(Checker& checker, Time now);

    PieceHandler on_piece = nullptr;
    DoneHandler on_done = nullptr;
    void* owner = nullptr;

    Checker(FileStore& store, runtime::Compute& compute, std::shared_ptr<const codec::Metainfo> metainfo,
            runtime::Tag tag, std::uint64_t budget);
    ~Checker();
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    /// `holes`: pieces of which no byte is on disk (StatSweep), empty when unknown. Not twice at a time (JST_CHECK).
    void start(Bitfield pieces, Bitfield holes = {});
    void cancel() noexcept { canceled_ = true; }
    bool is_running() const noexcept { return running_; }

    std::uint32_t checked() const noexcept { return checked_; }
    std::uint32_t to_check() const noexcept { return pieces_.count(); }
    /// Pieces that count as missing because the disk did not give them back.
    std::uint32_t unreadable() const noexcept { return unreadable_; }
    std::uint64_t buffered() const noexcept;  // bytes of buffers held
    /// ok, canceled, or the disk error that ended it, with its path.
    Errc error() const noexcept { return error_; }
    const std::string& error_path() const noexcept { return error_path_; }

  private:
    struct Lane;

    static void on_read(StoreJob& job, Time now);
    static void on_hash(runtime::Op& op, Time now);
    static void on_run(PieceRun& run, Time now);
    void pump(Time now);
    bool goes_in_run(PieceIndex piece);
    std::optional<bool> known_without_reading(const Lane& lane) const;
    std::size_t chunk_for_budget() const;
    bool begins_piece(Lane& lane);
    void begin_piece(Lane& lane);
    void read_chunk(Lane& lane);
    void hash_ready();
    void hash_chunk(Lane& lane);
    void chunk_hashed(Lane& lane, Time now);
    void learn_zeros(const Lane& lane);
    void end_piece(Lane& lane, bool good, Time now);
    void leave_piece(Lane& lane, Time now);
    void wake_later();
    void report(PieceIndex piece, bool good, Time now);

    FileStore& store_;
    runtime::Compute& compute_;
    std::shared_ptr<const codec::Metainfo> metainfo_;
    runtime::Tag tag_;
    std::uint64_t budget_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    Bitfield pieces_;
    Bitfield holes_;
    PieceIndex next_;
    PieceIndex read_to_;  // the run has answered about those before: they are read
    PieceRun run_;
    std::size_t lane_bytes_ = 0;
    std::size_t reading_ = 0;
    std::vector<Lane*> ready_;  // read, to be hashed together
    std::uint32_t checked_ = 0;
    std::uint32_t unreadable_ = 0;
    std::uint32_t active_ = 0;
    bool running_ = false;
    bool canceled_ = false;
    Errc error_ = Errc::ok;
    std::string error_path_;
    runtime::DiskOp wake_;
    // What a full piece of zeros hashes to, once one was read.
    std::optional<Sha1Digest> zero_sha1_;
    std::optional<Sha256Digest> zero_root_;
    std::uint64_t zero_width_ = 0;
};

}  // namespace jst::engine
