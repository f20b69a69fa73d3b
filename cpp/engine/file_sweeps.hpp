// What is done to all files of a torrent: looking at them, making the empty ones, syncing, removing, moving.
//
// A sweep walks items with a few disk operations at a time and is answered once, on_done, with the first error and its
// path. Sweeps do not go through the handle cache: before RemoveSweep and MoveSweep the store's handles are closed.
// Invariants: 1. memory does not depend on the number of files beyond a result for each; 2. cancel() lets operations
// under way end and then answers with Errc::canceled; 3. nothing is followed through a symbolic link below save_path.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bitfield.hpp"
#include "engine/file_store.hpp"

namespace jst::engine {

/// The directories of these paths below `root`, each once, parents first; all paths lie below root.
std::vector<std::string> directories_of(const std::vector<std::string>& paths, std::size_t root_bytes);
/// The directories above `path`, nearest first.
std::vector<std::string> directories_above(const std::string& path);
/// Our file is not there, whatever stands in its place.
bool is_absence(Errc error) noexcept;

class Sweep {
  public:
    using Handler = void (*)(Sweep& sweep, Time now);
    static constexpr std::size_t window = 8;

    Handler on_done = nullptr;
    void* owner = nullptr;

    Sweep(runtime::Disk& disk, runtime::Tag tag) : disk_(disk), tag_(tag) {}
    Sweep(const Sweep&) = delete;
    Sweep& operator=(const Sweep&) = delete;
    virtual ~Sweep() = default;

    /// Never answers inline. Not twice at a time (JST_CHECK).
    void start();
    virtual void cancel() noexcept { canceled_ = true; }
    bool is_running() const noexcept { return running_; }
    Errc error() const noexcept { return error_; }
    const std::string& error_path() const noexcept { return error_path_; }
    /// Operations that the disk has answered, of all runs.
    std::uint64_t num_answers() const noexcept { return num_answers_; }

  protected:
    struct Lane {
        Sweep* sweep = nullptr;
        std::uint32_t item = 0;
        std::uint32_t stage = 0;  // 0: nothing was done for the item yet
        runtime::DiskOp op;
    };
    virtual std::uint32_t num_items() const = 0;
    virtual std::size_t lanes() const { return window; }
    /// Prepares lane.op for the next stage and says true, or says false: the item is finished.
    virtual bool advance(Lane& lane) = 0;
    /// Every item is finished: true when there is more to do (num_items() items again, the first at stage 0).
    virtual bool next_pass() { return false; }
    /// Before on_done; error() is final.
    virtual void ending() {}
    /// Whether operations may wait behind others and go to workers.
    virtual bool is_bulk() const { return true; }
    /// Whether the first error keeps further items from being begun.
    virtual bool stops_on_error() const { return true; }
    void failed(Errc error, const std::string& path);
    void prepare(Lane& lane, runtime::DiskAction action, std::string path, std::size_t trusted_prefix) const;

  private:
    static void on_op(runtime::Op& op, Time now);
    void submit(Lane& lane);
    bool advances(Lane& lane);
    bool passes_on();
    void pump();
    bool has_more() const;
    void end(Time now);

    runtime::Disk& disk_;
    runtime::Tag tag_;
    std::array<Lane, window> lanes_;
    runtime::DiskOp wake_;
    std::uint32_t next_ = 0;
    std::uint32_t active_ = 0;
    std::uint64_t num_answers_ = 0;
    bool running_ = false;
    bool canceled_ = false;
    Errc error_ = Errc::ok;
    std::string error_path_;
};

/// Stamps of all files and of the part file, as resume_fit wants them, and where in them bytes lie. A missing file is
/// no error; where its directory is missing as well, nobody asks for the next ones in there.
class StatSweep final : public Sweep {
  public:
    /// Directories that one missing file has asked about: a torrent chooses how many are above each of its files.
    static constexpr std::uint32_t most_climbed = 4;

    /// `looks_for_holes`: files with holes are asked where these are.
    StatSweep(FileStore& store, runtime::Tag tag, bool looks_for_holes = false)
        : Sweep(store.disk(), tag), store_(store), looks_for_holes_(looks_for_holes) {}
    const std::vector<storage::FileStamp>& stamps() const noexcept { return stamps_; }
    const storage::FileStamp& part_file() const noexcept { return part_file_; }
    /// Files with a size but no byte on disk: all hole.
    const std::vector<bool>& holes() const noexcept { return holes_; }
    /// Of files with holes: where bytes lie.
    const std::map<FileIndex, std::vector<runtime::FileRange>>& sparse() const noexcept { return sparse_; }
    /// Pieces of which every byte is on disk, and those of which none is.
    Bitfield on_disk() const;
    Bitfield in_holes() const;

  protected:
    std::uint32_t num_items() const override { return store_.num_files() + 1; }
    bool advance(Lane& lane) override;

  private:
    void begin();
    bool look(Lane& lane);
    bool note(Lane& lane);
    bool look_above(Lane& lane);
    bool climb(Lane& lane);

    FileStore& store_;
    std::string missing_;  // the last directory that was, and the last that was not: with a slash
    std::string present_;
    std::vector<storage::FileStamp> stamps_;
    std::vector<bool> holes_;
    std::map<FileIndex, std::vector<runtime::FileRange>> sparse_;
    bool looks_for_holes_;
    storage::FileStamp part_file_;
};

/// Makes the files whose flag in `wanted` is set (all when it is empty), with their directories: those of zero bytes,
/// and when it `reserves` the others too, whose space it takes.
class MakingSweep final : public Sweep {
  public:
    MakingSweep(FileStore& store, runtime::Tag tag, std::vector<bool> wanted = {}, bool reserves = false);

  protected:
    std::uint32_t num_items() const override { return static_cast<std::uint32_t>(files_.size()); }
    bool advance(Lane& lane) override;

  private:
    FileStore& store_;
    std::vector<FileIndex> files_;
};

/// Makes what was written durable: take_dirty() of the store, and the directories of those files; and the bytes of
/// take_found() and their names, as far as their file system can sync. After an error all is to be synced again.
class SyncSweep final : public Sweep {
  public:
    SyncSweep(FileStore& store, runtime::Tag tag);

  protected:
    std::uint32_t num_items() const override;
    bool advance(Lane& lane) override;
    bool next_pass() override;
    void ending() override;

  private:
    void list();
    void give_back();
    void list_dirs(const std::vector<std::string>& paths);
    void note_absent(std::uint32_t item);
    bool advance_file(Lane& lane);

    FileStore& store_;
    std::vector<FileIndex> taken_;
    std::vector<FileIndex> found_;
    bool took_parts_ = false;
    std::size_t written_ = 0;  // the first of files_; the others were only read
    std::size_t own_dirs_ =
        0;  // the first of dirs_; the rest lead to save_path, which may be new as well, or hold what was only read
    std::vector<std::string> files_;
    std::vector<std::string> dirs_;
    bool in_dirs_ = false;
};

/// Deletes all files and the part file, then the directories of the torrent that are empty. `others`: one flag for each
/// file that stays, since it is another torrent's.
class RemoveSweep final : public Sweep {
  public:
    RemoveSweep(FileStore& store, runtime::Tag tag, std::vector<bool> others = {});

  protected:
    std::uint32_t num_items() const override;
    std::size_t lanes() const override { return in_dirs_ ? 1 : window; }
    bool advance(Lane& lane) override;
    bool next_pass() override;
    bool stops_on_error() const override { return false; }

  private:
    FileStore& store_;
    std::vector<bool> others_;
    std::vector<std::string> dirs_;  // deepest first
    bool in_dirs_ = false;
};

}  // namespace jst::engine
