// Skipped files that are wanted again: what the part file holds of them is copied into the files.
//
// One file after another, a chunk at a time: of each the shared pieces that we have and that were not written since. It
// waits until no write to the part file is under way, because the have bits of those pieces are not known yet. While a
// file is copied it is still read from the part file. Does not know priorities: FileStore says which files leave.
// Invariants: 1. no answer inside pump(); 2. after an error the file keeps waiting and the next pump() tries again.
#pragma once

#include <string>
#include <vector>

#include "base/bitfield.hpp"
#include "engine/file_store.hpp"

namespace jst::engine {

inline constexpr std::size_t unpark_chunk_bytes = 256u << 10;

class Unparking {
  public:
    using Handler = void (*)(Unparking& unparking, Time now);
    using Have = const Bitfield& (*)(void* owner);

    /// A file was unparked, or error() ended it.
    Handler on_done = nullptr;
    void* owner = nullptr;

    /// `have` is asked with `owner`, when a file is begun.
    Unparking(FileStore& store, runtime::Tag tag, Have have);
    ~Unparking() { store_.on_parts_quiet = nullptr; }
    Unparking(const Unparking&) = delete;
    Unparking& operator=(const Unparking&) = delete;

    /// Begins when there is something to do. To be called when the have bits are known and after
    /// FileStore::set_skipped().
    void pump();
    bool is_running() const noexcept { return running_; }
    /// No file waits: all wanted bytes are where they belong.
    bool is_done() const noexcept { return !store_.leaving(); }
    /// Or it waits for writers of the part file.
    bool is_under_way() const noexcept { return running_ || waiting_; }
    Errc error() const noexcept { return job_.error; }
    const std::string& error_path() const noexcept { return job_.path; }

  private:
    static void on_job(StoreJob& job, Time now);
    void list_pieces();
    bool next_chunk();
    void chunk_done(Time now);
    void end(Time now);

    FileStore& store_;
    Have have_;
    bool running_ = false;
    bool waiting_ = false;  // for writers of the part file
    FileIndex file_;
    std::vector<PieceIndex> pieces_;
    std::size_t at_piece_ = 0;
    std::uint64_t done_ = 0;  // bytes of the file's part of this piece
    bool reading_ = true;
    StoreJob job_;
    ByteVector buffer_;
    MutableBytes into_;
    Bytes from_;
    runtime::DiskOp wake_;
};

}  // namespace jst::engine
