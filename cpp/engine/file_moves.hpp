// Moving files: a torrent to another directory, one file to another name.
//
// A move renames each file; on another file system it is copied under another name, synced and then named. When all
// files are at the target its directories are synced, and only then are the sources of copies deleted. A file that is
// not there is skipped, and told if it should be; where none of those that should be is there, the move fails. When it
// fails half way, what was moved is moved back. One that a crash cut short is done again: what is at the target
// already, and the same, was moved. The store's handles are closed before (JST_CHECK) and the store takes its new path
// only after success. Invariants: 1. a byte is deleted only when another copy of it is durable; 2. one buffer of
// move_chunk_bytes each, two while files are compared; 3. a file has its name at the target only when it is whole.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/file_sweeps.hpp"

namespace jst::engine {

inline constexpr std::size_t move_chunk_bytes = 256u << 10;

using Renames = std::vector<std::pair<FileIndex, std::string>>;

/// A name that the user may give this file: checked_rename(), and no other file's or directory's (Errc::exists), those
/// included that others are about to get.
Result<std::string> checked_name(const FileStore& store, FileIndex file, std::string_view name,
                                 const Renames& coming = {});

/// All files and the part file to `save_path`, or one file to another relative path. Where something lies already at
/// the target the move fails with Errc::exists. Directories that became empty are removed. cancel() moves back.
class MoveSweep final : public Sweep {
  public:
    /// `again`: it may have been begun before a crash. `others`: one flag for each file that stays, since it is another
    /// torrent's.
    MoveSweep(FileStore& store, runtime::Tag tag, std::string save_path, bool again = false,
              const std::vector<bool>& others = {});
    MoveSweep(FileStore& store, runtime::Tag tag, FileIndex file, const std::string& name, bool again = false,
              const std::vector<bool>& others = {});
    void cancel() noexcept override;
    /// Before it starts: what an attempt before a crash brought to the target goes back. What cannot be seen there, or
    /// is another file than the one at the source, stays.
    void turn_back();
    /// Where a file was to be that was not there, or nothing.
    const std::string& lost() const noexcept { return lost_; }
    /// Files that are other files now, with stamps of their own.
    bool has_copies() const;

  protected:
    std::uint32_t num_items() const override;
    std::size_t lanes() const override { return 1; }
    bool advance(Lane& lane) override;
    bool next_pass() override;

  private:
    enum class Pass : std::uint8_t { moving, back, syncing, deleting, settling, cleaning };
    struct Place {
        std::string path;
        std::size_t trusted = 0;
    };
    struct Move {
        Place from;
        Place to;
        std::uint64_t size = 0;
        runtime::FileId id = {};   // of the source; then, where the target is the same file, of its directory
        bool is_expected = false;  // it was there
        bool done = false;
        bool is_there = false;  // at the target since before a crash
        bool copied = false;    // and still at its source
    };
    void list_dirs(Place Move::* side);
    bool advance_dir(Lane& lane);
    Place temp_of(const Move& move) const;
    bool advance_move(Lane& lane, Move& move);
    bool source_is_gone(Lane& lane, const Move& move);
    bool is_in_the_way(Errc error, const Move& move);
    bool advance_copy(Lane& lane, Move& move);
    bool advance_comparison(Lane& lane, Move& move);
    bool begin_abort(Lane& lane, const Move& move);
    bool advance_abort(Lane& lane, const Move& move);
    bool give_up(Errc error, const std::string& path);
    bool ask(Lane& lane, runtime::DiskAction action, const Place& place, std::uint32_t stage) const;
    bool ask_handle(Lane& lane, runtime::DiskAction action, runtime::FileHandle file, std::uint32_t stage) const;
    bool ask_read(Lane& lane, std::uint32_t stage);
    static bool open_as(Lane& lane, runtime::OpenMode mode);

    Pass pass_ = Pass::moving;
    std::vector<Move> moves_;
    std::vector<Place> dirs_;   // of the pass
    std::size_t own_dirs_ = 0;  // the others are above the target
    bool again_ = false;
    bool turned_ = false;  // from and to have changed places
    bool undone_ = false;
    std::string temp_name_;
    Errc cause_ = Errc::ok;
    std::string cause_path_;
    runtime::FileHandle source_;
    runtime::FileHandle target_;
    std::uint64_t offset_ = 0;
    ByteVector buffer_;
    ByteVector other_;  // of the target, to compare
    std::string lost_;
    MutableBytes into_;
    Bytes from_;
};

/// What a torrent was asked for, what of it is under way, and what came of it.
struct PendingMoves {
    std::unique_ptr<MoveSweep> running;
    std::unique_ptr<MoveSweep> ended;  // its own handler may be running
    std::optional<std::string> to;
    std::optional<std::string> then;  // asked for while another move is under way, or was before a crash
    Renames renames;
    std::map<FileIndex, std::string> renamed;
    std::uint64_t wish = 0;      // a number for each change of what is asked for
    std::uint64_t recorded = 0;  // the wish that the record on disk knows
    bool again = false;          // it may have been begun before a crash
    bool turns_back = false;     // ... and is not wanted any more, and did not work
    bool waiting = false;        // until nothing of the torrent is out: looked at when each round ends
};

}  // namespace jst::engine
