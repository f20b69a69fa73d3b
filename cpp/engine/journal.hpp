// The journal of one torrent: the pieces verified since its record was saved, in a file that is never synced.
//
// What it names is checked at the next start, not fetched (storage/journal has the format). Pieces noted in a round go
// in one write; the file is there only while it has entries. After an error it is silent until the next cut: it only
// saves work. Does not know have bits or when records are saved. Invariants: 1. one operation at a time, none before
// open();
// 2. a piece noted and not cut is in the file, or will be when is_idle().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bitfield.hpp"
#include "runtime/disk.hpp"
#include "storage/journal.hpp"

namespace jst::engine {

class Journal {
  public:
    Journal(runtime::Disk& disk, const runtime::Tag& tag);
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// Where it is, and whose: from now on it writes. `left`: one from before is there.
    void open(std::string path, Bytes info_hash, bool left);
    bool is_open() const noexcept { return !path_.empty(); }
    void note(PieceIndex piece) { pieces_.push_back(piece); }
    bool is_empty() const noexcept { return pieces_.empty() && !exists_; }
    /// A record with these pieces is durable, its number is `epoch`: they need no entry any more.
    void cut(const Bitfield& durable, std::uint64_t epoch);
    /// The torrent goes, and its record with it.
    void drop();
    /// The round ends: what was noted in it is written.
    void flush();
    /// The session ends: the file is closed whenever there is nothing to write.
    void end();
    bool is_idle() const noexcept { return !is_pending() && (!ending_ || !is_file_open()); }

  private:
    enum class Step : std::uint8_t { none, opening, writing, cutting, closing, unlinking };

    /// There while the file is open or an operation is under way.
    struct Work {
        runtime::DiskOp op;
        ByteVector bytes;
        Bytes from;
    };

    bool is_pending() const noexcept { return work_ && work_->op.pending; }
    bool is_file_open() const noexcept { return work_ && work_->op.file; }
    static void on_op(runtime::Op& op, Time now);
    void advance();
    void pump();
    void write();
    void submit(runtime::DiskAction action, Step step, bool bulk);

    runtime::Disk& disk_;
    const runtime::Tag tag_;
    std::string path_;
    ByteVector id_;
    std::uint64_t epoch_ = 0;
    std::vector<PieceIndex> pieces_;
    std::size_t written_ = 0;   // of pieces_, behind header_
    std::size_t in_write_ = 0;  // of pieces_, when the write under way has ended
    Step step_ = Step::none;
    bool exists_ = false;
    bool afresh_ = true;  // the header comes first, and what is there is cut off
    bool failed_ = false;
    bool ending_ = false;
    std::unique_ptr<Work> work_;
};

}  // namespace jst::engine
