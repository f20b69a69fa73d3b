// One active piece: the memory its blocks arrive in, then its hash, then its write.
//
// A piece of at most max_memory / 8 stays in memory until its hash is known, so nothing unproven is written. A longer
// one is written in runs of blocks as they become whole, and read back in order to be hashed. Either way the piece
// counts only after hash *and* write. A long piece with a bad hash of which the disk gave back other bytes than it was
// given is an error of the disk. Reports each end to its Client. Does not know peers, the picker or the ledger.
// Invariants: 1. a block's place is stable from slot() until the block is stored or the job dies; 2. nothing writes to
// a place after it was handed to hash or disk; 3. on_piece_done comes once, after the last block was stored or
// park(); 4. it holds at most reservation() bytes and what is arriving, and a long piece that holds as much writes what
// it has.
#pragma once

#include <memory>
#include <vector>

#include "engine/core.hpp"
#include "engine/file_store.hpp"
#include "policy/geometry.hpp"

namespace jst::engine {

/// A long piece goes to disk in runs of so many blocks.
inline constexpr std::uint32_t run_blocks = 16;

enum class PieceOutcome : std::uint8_t { verified, bad_hash, disk_error, abandoned, parked };

class PieceJob {
  public:
    struct Client {
        virtual ~Client() = default;
        virtual void on_piece_done(PieceJob& job, PieceOutcome outcome, Time now) = 0;
        /// Whether its verdict may wait a little for others.
        virtual runtime::Patience patience() const noexcept = 0;
        /// A long piece gave memory back.
        virtual void on_memory_freed() = 0;
    };

    PieceJob(Core& core, FileStore& files, const codec::Metainfo& metainfo, const policy::Geometry& geometry,
             PieceIndex piece, Client& client, const runtime::Tag& tag);
    ~PieceJob();

    PieceIndex piece() const noexcept { return piece_; }
    bool is_long() const noexcept { return long_; }
    /// What it reserves of the memory for downloads.
    std::uint64_t reservation() const noexcept;
    static std::uint64_t reservation(const Core& core, std::uint32_t piece_size) noexcept;

    /// Where the block belongs; nullptr while there is no memory for it. `arriving`: it is on its way already and would
    /// be lost, so one block for each peer may go beyond the reservation.
    Byte* slot(std::uint32_t number, bool arriving = false);
    /// Gives back the buffers of blocks that are not there and not `leased`: nothing comes into them. True if there
    /// were any.
    template <class Leased>
    bool reclaim(Leased&& leased) {
        const std::uint32_t before = held_;
        for (std::uint32_t i = 0; i < blocks_; ++i) {
            if (!buffers_[i] || places_[i] != Place::absent || leased(i)) continue;
            buffers_[i].reset();
            --held_;
        }
        return held_ < before;
    }
    /// Somebody waits for memory: what is stored of a long piece goes to disk, whole runs or not.
    void make_room() {
        if (long_) write_stored();
    }
    /// The block is whole in its slot. `last`: all are, the hash begins.
    void stored(std::uint32_t number, bool last);
    /// Blocks that are on disk already: they are read back for the hash, whatever its length. Before any other.
    void restore(std::span<const Byte> blocks);
    /// Download stops here: what is stored goes to disk, then `parked`. Inline when there is nothing to write.
    void park(Time now);
    bool is_parking() const noexcept { return parking_; }
    /// A 64-bit digest of a block as it was stored, for blame; 0 when it is not known.
    std::uint64_t digest(std::uint32_t number) const noexcept;
    bool is_hashing() const noexcept { return hashing_; }
    bool is_writing() const noexcept { return write_.is_pending(); }
    /// No operation is out: it may be destroyed.
    bool is_idle() const noexcept {
        return !hash_.pending && !hash_more_.pending && !write_.is_pending() && !read_.is_pending();
    }
    /// Only waits for the operation that is out (one at a time), then reports `abandoned`. When idle: destroy it
    /// instead.
    void abandon() noexcept { abandoned_ = true; }
    Errc error() const noexcept { return error_; }
    const std::string& error_where() const noexcept { return where_; }

  private:
    friend class PieceJobHandlers;
    enum class Place : std::uint8_t { absent, stored, on_disk };
    struct Range {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };

    void begin_hash();
    void begin_write(const Range& range);
    void queue_stored(std::uint32_t first, std::uint32_t end);
    void write_stored();
    void write_next();
    void read_next_run();
    std::uint64_t bytes_of(const Range& range) const noexcept;
    void free(const Range& range) noexcept;
    void after_write(Time now);
    void after_read(Time now);
    void judge(const Sha1Digest& digest, Time now);
    /// Of the disk, or of a hash that could not be made: says nothing about the bytes.
    void fail(Errc error, const std::string& where, Time now);
    void finish(PieceOutcome outcome, Time now);
    Range run(std::uint32_t number) const noexcept;
    bool has_padding(std::uint32_t number) const;
    void note_digest(std::uint32_t number);
    void compare_read();

    Core& core_;
    FileStore& files_;
    const codec::Metainfo& metainfo_;
    const policy::Geometry& geometry_;
    Client& client_;
    const PieceIndex piece_;
    const std::uint32_t blocks_;
    bool long_;
    bool parking_ = false;
    bool hashing_ = false;
    bool abandoned_ = false;
    Errc error_ = Errc::ok;
    std::string where_;
    std::vector<BlockBuffer> buffers_;
    std::vector<Bytes> spans_;
    std::vector<MutableBytes> room_;
    runtime::HashOp hash_;
    runtime::HashMoreOp hash_more_;
    StoreJob write_;
    StoreJob read_;
    std::uint32_t held_ = 0;  // buffers
    // Where each block is. Long pieces only: what waits to be written, what is written or read back now.
    std::vector<Place> places_;
    std::vector<Range> ready_;
    Range writing_;
    std::uint32_t on_disk_ = 0;
    std::uint32_t reading_run_ = 0;
    std::vector<std::uint64_t> digests_;  // of blocks as they were stored; 0: not known
    std::string spoiled_;                 // the path where something else was read; empty: nowhere
    std::unique_ptr<runtime::HashState> state_;
};

}  // namespace jst::engine
