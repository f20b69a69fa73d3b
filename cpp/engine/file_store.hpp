// The files of one torrent: runs of piece bytes become operations on the files that hold them.
//
// A job is a run of bytes, to read or to write, with the spans to scatter to or gather from. It walks the run's slices
// in order, one disk operation for each; jobs go on side by side. Pad files read as zeros and are not written. Bytes of
// a skipped file that a shared piece brings along live in the part file until the file is wanted (unpark). Files are
// opened when first needed, through the session's HandleCache, and never through a symbolic link below save_path. Does
// not know: hashes, have bits, peers. Invariants: 1. nothing outside save_path is touched; 2. each job is answered
// exactly once, never inside submit(); 3. the first error ends a job and names its path.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/rare.hpp"
#include "engine/handle_cache.hpp"
#include "runtime/disk.hpp"
#include "storage/layout.hpp"
#include "storage/part_file.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

class FileStore;

/// Smaller files are written as they come; larger ones have their space reserved when they are made.
inline constexpr std::uint64_t reserve_from_bytes = 1u << 20;

/// Caller-owned, in place and untouched until on_done, like a runtime operation. May be submitted again afterwards.
struct StoreJob {
    using Handler = void (*)(StoreJob& job, Time now);

    Handler on_done = nullptr;
    void* owner = nullptr;
    std::uint64_t key = 0;
    runtime::Tag tag;
    PieceIndex piece;
    std::uint32_t begin = 0;             // the run may go on over the pieces that follow
    std::span<const MutableBytes> into;  // a read
    std::span<const Bytes> from;         // a write; one of the two is empty
    bool bulk = false;                   // a check: may wait behind others
    std::uint32_t ahead = 0;             // so many bytes after a read will be read soon
    bool may_lend = false;               // a read may answer with `lent` instead of filling `into`
    runtime::Digests digests;            // instead of `into` and `from`: hash them where they lie
    // the answer
    Errc error = Errc::ok;  // short_read where a file ends too early
    std::string path;       // whose error it is
    runtime::Lent lent;
    std::uint64_t digested = 0;  // leading bytes; the rest must be read

    StoreJob() = default;
    StoreJob(const StoreJob&) = delete;
    StoreJob& operator=(const StoreJob&) = delete;
    bool is_pending() const noexcept { return store_ != nullptr; }
    /// When its present disk operation began, if somebody keeps the time.
    Time since() const noexcept { return since_; }

  private:
    friend class FileStore;
    Time since_;
    StoreJob* older_ = nullptr;  // the row of pending jobs
    StoreJob* younger_ = nullptr;
    FileStore* store_ = nullptr;
    bool straight_ = false;  // past the part file
    bool in_parts_ = false;  // counted as a writer of the part file
    bool refused_ = false;   // memory ran out before anything was done
    std::uint64_t at_ = 0;   // bytes done
    std::uint64_t length_ = 0;
    std::uint64_t slice_ = 0;   // bytes under way, at
    std::uint64_t offset_ = 0;  // this place of the file
    std::size_t span_ = 0;      // the span that holds byte at_
    std::size_t span_at_ = 0;   // and where in it
    FileKey pinned_;
    runtime::DiskOp op_;
    HandleWaiter waiter_;
    std::string target_;
    std::vector<Bytes> from_;
    std::vector<MutableBytes> into_;
};

class FileStore {
  public:
    /// `number` names the store in the cache: never used twice in a session. `save_path` is absolute.
    FileStore(runtime::Disk& disk, HandleCache& handles, std::shared_ptr<const storage::Layout> layout,
              std::string save_path, std::uint32_t number);
    ~FileStore();
    FileStore(const FileStore&) = delete;
    FileStore& operator=(const FileStore&) = delete;

    /// Instead of one without files: the metadata came later. Before anything was done (JST_CHECK).
    void lay_out(std::shared_ptr<const storage::Layout> layout);
    const storage::Layout& layout() const noexcept { return *layout_; }
    const storage::FileMap& map() const noexcept { return layout_->map; }
    const std::string& save_path() const noexcept { return save_path_; }
    runtime::Disk& disk() noexcept { return disk_; }
    std::uint32_t num_files() const noexcept { return layout_->map.num_files(); }
    /// Absolute; renames by the user included.
    std::string path_of(FileIndex file) const;
    const std::string& relative_path(FileIndex file) const noexcept;
    std::string part_path() const;

    /// The run must lie within the torrent (JST_CHECK).
    void submit(StoreJob& job);
    /// The same for a write that ignores the part file (unpark).
    void submit_straight(StoreJob& job);
    std::uint32_t jobs() const noexcept { return jobs_; }
    /// The job that waits longest for the disk; nullptr when none does.
    const StoreJob* oldest() const noexcept { return oldest_; }
    std::string path_of(const StoreJob& job) const { return target_path(job.pinned_); }
    /// Asked for the time whenever a job begins.
    Time (*on_begin)(void* watcher) = nullptr;
    void* watcher = nullptr;

    /// Which files a shared piece's bytes go to the part file for: one flag per file. A file that is there already
    /// stays a file, as one does that is written to just now, so nothing is parked before note_existing(). A file that
    /// is wanted again waits in leaving(): what is written from then on goes to the file itself.
    void set_skipped(const std::vector<bool>& skipped);
    /// The first parked file that is wanted again and not unparked yet.
    std::optional<FileIndex> leaving() const noexcept;
    bool is_leaving(FileIndex file) const noexcept { return file.value < flags_.size() && flags_[file.value].leaving; }
    /// Writes under way that touch the part file.
    std::uint32_t part_writers() const noexcept { return part_writers_; }
    /// Called when the last of them ended.
    void (*on_parts_quiet)(FileStore& store, Time now) = nullptr;
    void* owner = nullptr;
    bool is_parked(FileIndex file) const noexcept { return file.value < flags_.size() && flags_[file.value].parked; }
    /// One flag per file for the record; empty when none is parked.
    std::vector<bool> parked() const;
    /// Of parked files: what is in the file all the same, since it was leaving.
    const storage::Straightened& straightened() const noexcept { return *straightened_; }
    void restore_parked(const std::vector<bool>& parked, const storage::Straightened& straightened = {});
    void unparked(FileIndex file);
    /// The file's bytes of this piece were written to the file since it is leaving.
    bool was_written_leaving(FileIndex file, PieceIndex piece) const {
        return straightened_->contains({file.value, piece.value});
    }
    const storage::PartFile& parts() const noexcept { return *parts_; }

    /// What is on disk, from a StatSweep: files that are there are never parked or reserved again.
    void note_existing(std::span<const storage::FileStamp> stamps);
    /// What a record says was there, until the first look.
    void expect(std::span<const storage::FileStamp> stamps);
    bool exists(FileIndex file) const { return flags_[file.value].exists; }
    void note_gone(FileIndex file) { flags_[file.value].exists = false; }
    /// It was made, and what space it was to get is taken: until the next look at the files.
    void note_made(FileIndex file) { flags_[file.value].made = true; }
    bool is_made(FileIndex file) const { return flags_[file.value].made; }
    /// Whether a large file has its space reserved with its first byte.
    void set_reserving(bool on) noexcept { reserves_ = on; }
    void note_written(FileIndex file) noexcept;
    /// Written to, and not there to be synced: it may hold what others put there, whatever we write to it, until the
    /// next look.
    void note_away(FileIndex file) { flags_[file.value].dirty = flags_[file.value].doubtful = true; }
    void note_parts_away() noexcept { part_dirty_ = has_parts_ = parts_doubtful_ = true; }
    bool is_doubtful(FileIndex file) const { return flags_[file.value].doubtful; }
    bool are_parts_doubtful() const noexcept { return parts_doubtful_; }
    void note_part_written() noexcept { part_dirty_ = has_parts_ = true; }
    /// Whether a part file is there, from a StatSweep.
    void note_parts(bool exist) noexcept { has_parts_ = exist; }
    /// There is a part file, and no file needs it.
    bool has_spare_parts() const noexcept {
        return has_parts_ && part_writers_ == 0 && !is_dropping_ && parked().empty();
    }
    /// Deletes a spare one. To be called when a record that does not need it is durable.
    void drop_parts();
    /// The directories above save_path were synced: needed once.
    bool is_anchored() const noexcept { return anchored_; }
    void anchor() noexcept { anchored_ = true; }
    /// Written to since the stamps that are known of it.
    bool is_ahead(FileIndex file) const { return flags_[file.value].ahead; }
    /// Stamps were taken of what was synced.
    void note_stamped() noexcept;
    /// Files written since the last take, in order.
    std::vector<FileIndex> take_dirty();
    /// Of a piece that a check found good: its bytes may be in the cache of the system only.
    void note_found(PieceIndex piece);
    void note_found(FileIndex file) { flags_[file.value].found = true; }
    /// Files that note_found() was told of and that are not dirty besides; not any more.
    std::vector<FileIndex> take_found();
    bool part_file_dirty() noexcept { return std::exchange(part_dirty_, false); }

    /// After a move or a rename on disk, with no job pending and the handles closed (JST_CHECK).
    void set_save_path(std::string path);
    void set_relative_path(FileIndex file, std::string path);
    void close_files() { handles_.close_store(number_); }
    bool files_open() const { return handles_.is_open(number_); }

  private:
    struct Target {
        FileKey key;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        bool is_pad = false;
    };

    /// Of a file.
    struct Flags {
        bool skipped : 1 = false, parked : 1 = false;
        bool leaving : 1 = false;  // parked, and being unparked: reads of old pieces still go to the part file
        bool exists : 1 = false, made : 1 = false;
        bool dirty : 1 = false, ahead : 1 = false, doubtful : 1 = false;
        bool begun : 1 = false;  // a write to it was, since the last look
        bool found : 1 = false;  // a check read good bytes of it, which may not be durable
    };

    void line_up(StoreJob& job, Time now) noexcept;
    void leave_line(StoreJob& job) noexcept;
    static void on_handle(HandleWaiter& waiter, Time now);
    static void on_op(runtime::Op& op, Time now);
    void begin(StoreJob& job);
    void park();
    bool step(StoreJob& job);
    Target target_of(StoreJob& job);
    static bool lies_in_one(const StoreJob& job, const Target& target);
    bool goes_to_parts(const StoreJob& job, FileIndex file, PieceIndex piece);
    void skip_padding(StoreJob& job);
    static void advance(StoreJob& job);
    void submit_io(StoreJob& job, runtime::FileHandle file);
    void op_done(StoreJob& job, Time now);
    void finish(StoreJob& job, Errc error, Time now);
    std::string target_path(const FileKey& key) const;
    bool is_there(const Target& target) const;
    std::uint64_t reserve_for(const StoreJob& job, const Target& target) const;

    runtime::Disk& disk_;
    HandleCache& handles_;
    std::shared_ptr<const storage::Layout> layout_;
    Rare<storage::PartFile> parts_;
    std::string save_path_;
    std::uint32_t number_;
    std::uint32_t jobs_ = 0;
    StoreJob* oldest_ = nullptr;
    StoreJob* youngest_ = nullptr;
    Rare<std::map<std::uint32_t, std::string>> renamed_;
    std::vector<Flags> flags_;
    mutable std::uint32_t leaving_from_ = 0;    // no file below is leaving: asked with each piece
    Rare<storage::Straightened> straightened_;  // written since it is leaving
    bool reserves_ = true;
    bool has_parts_ = false, part_dirty_ = false, parts_doubtful_ = false;
    std::unique_ptr<runtime::DiskOp> dropping_;  // from the first time on
    bool is_dropping_ = false;
    bool looked_ = false;
    std::uint32_t part_writers_ = 0;
    bool anchored_ = false;
};

}  // namespace jst::engine
