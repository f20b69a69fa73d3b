// The file system of a node, in memory: what the process sees, and what a crash would leave of it.
//
// Errors are those of POSIX in the project's own enum. A file's contents become durable by sync_file, the names in a
// directory by sync_dir; nothing else makes them so. What is not durable yet is a log of changes, in their order. Space
// is counted in blocks, holes are free. Knows no time. Invariants: 1. used() is the allocated size of all files that
// have a name or are open; 2. a file lives while a visible name, a durable name, an open handle or a change of names
// that is not synced refers to it; 3. durable contents and the whole log give the visible ones.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.hpp"
#include "runtime/disk.hpp"
#include "runtime_sim/crash_mode.hpp"
#include "runtime_sim/sparse_bytes.hpp"

namespace jst::runtime_sim {

using InodeId = std::uint32_t;  // 0: none

inline constexpr std::uint64_t disk_block = 4096;
inline constexpr std::uint64_t default_capacity = 1ull << 40;
inline constexpr std::uint64_t max_file_size = 1ull << 44;
inline constexpr std::size_t max_name_length = 255;
inline constexpr std::size_t max_path_length = 4096;
inline constexpr int max_symlinks_followed = 40;

/// What a write did: fewer bytes than given only with an error.
struct Written {
    std::uint64_t bytes = 0;
    Errc error = Errc::ok;
};

class FileStore {
  public:
    FileStore();

    // ---- by path; `trusted`: that many leading bytes may lead through symbolic links, 0: all ----
    /// The file, held open until release().
    Result<InodeId> open(std::string_view path, std::size_t trusted, runtime::OpenMode mode, std::int64_t now);
    Result<runtime::FileStat> stat(std::string_view path, std::size_t trusted) const;
    Result<std::vector<runtime::DirEntry>> list(std::string_view path, std::size_t trusted) const;
    Result<std::vector<runtime::FileRange>> extents(std::string_view path, std::size_t trusted,
                                                    std::uint64_t from) const;
    Result<void> mkdirs(std::string_view path, std::size_t trusted, std::int64_t now);
    Result<void> rename(std::string_view from, std::string_view to, std::size_t trusted);
    Result<void> unlink(std::string_view path, std::size_t trusted);
    Result<void> rmdir(std::string_view path, std::size_t trusted);
    Result<void> sync_dir(std::string_view path, std::size_t trusted);
    Result<void> symlink(std::string_view path, std::string_view target);

    // ---- of an open file ----
    void release(InodeId file);
    std::uint64_t size(InodeId file) const;
    std::uint64_t read(InodeId file, std::uint64_t offset, std::span<const MutableBytes> into) const;
    Written write(InodeId file, std::uint64_t offset, std::span<const Bytes> from, std::int64_t now);
    Result<void> truncate(InodeId file, std::uint64_t size, std::int64_t now);
    Result<void> allocate(InodeId file, std::uint64_t size, std::int64_t now);
    void sync_file(InodeId file);
    /// False when it is locked already.
    bool lock(InodeId file);
    void unlock(InodeId file);

    // ---- the whole ----
    std::uint64_t used() const noexcept { return used_; }
    std::uint64_t free_space(std::string_view path = "/") const;
    /// Bytes that may be allocated below a directory; `under` empty: on the disk, files without a name included.
    void set_quota(std::string_view under, std::optional<std::uint64_t> bytes);
    /// Writes and allocations that this quota cut short or refused.
    std::uint64_t quota_hits(std::string_view under) const;
    /// Of a file as a crash would leave it; Errc::not_found when it would not be there.
    Result<ByteVector> durable(std::string_view path) const;
    /// What a laboratory does from outside is durable at once, and only that.
    void make_durable(InodeId file, std::uint64_t offset, Bytes bytes);
    void sync_names_above(std::string_view path);
    Result<void> unlink_durably(std::string_view path);
    /// Handles and locks are gone, contents stay.
    void release_all();
    /// Handles and locks are gone, and of what was not synced all that `mode` and the luck of the day say.
    void crash(CrashMode mode, Prng& luck);

  private:
    struct Inode {
        runtime::FileKind kind = runtime::FileKind::file;
        std::uint32_t names = 0;
        std::uint32_t durable_names = 0;
        std::uint32_t handles = 0;
        std::uint32_t pending = 0;  // changes in the log that give it a name
        std::uint32_t changes = 0;  // changes in the log of its contents, or of the names in it
        bool locked = false;
        std::string target;  // of a symbolic link
        std::map<std::string, InodeId, std::less<>> children;
        std::map<std::string, InodeId, std::less<>> durable_children;
        std::uint64_t size = 0;
        std::uint64_t durable_size = 0;
        std::int64_t modified = 0;
        std::int64_t durable_modified = 0;
        SparseBytes bytes;
        SparseBytes durable_bytes;
        RangeSet allocated;  // in blocks
        RangeSet durable_allocated;
        RangeSet written;  // in blocks: what was reserved and never written is a hole as well
        RangeSet durable_written;
        RangeSet dirty;  // in bytes: written or cut since the last sync
    };
    struct Place {
        InodeId parent = 0;
        std::string name;
        InodeId node = 0;  // 0: missing
    };

    struct NameChange {
        InodeId directory = 0;
        std::string name;
        InodeId child = 0;  // 0: the name goes
    };
    /// What a sync makes durable, and a crash may undo. Names that change together are one.
    struct Change {
        enum class Kind : std::uint8_t { names, write, truncate, allocate };
        Kind kind = Kind::names;
        bool always = false;  // a laboratory's own: no crash undoes it
        InodeId file = 0;
        std::uint64_t begin = 0;  // of a write; of a truncation the new size
        std::uint64_t end = 0;    // of a write or an allocation
        std::int64_t modified = 0;
        SparseBytes bytes = {};
        std::vector<NameChange> names = {};
    };

    struct Quota {
        std::uint64_t bytes = 0;
        std::uint64_t hits = 0;
    };
    struct Space {
        std::uint64_t bytes = 0;
        Quota* quota = nullptr;  // that which leaves no more
    };

    Result<Place> find(std::string_view path, std::size_t trusted, bool follow_last) const;
    Result<InodeId> existing(std::string_view path, std::size_t trusted, bool follow_last) const;
    Inode& at(InodeId id) { return *inodes_[id]; }
    const Inode& at(InodeId id) const { return *inodes_[id]; }
    InodeId make(runtime::FileKind kind, std::int64_t now);
    void add_name(InodeId directory, std::string_view name, InodeId child);
    void remove_name(InodeId directory, std::string_view name);
    void sync_names(InodeId directory);
    void forget_if_unused(InodeId id);
    std::uint64_t allocated_below(InodeId directory, InodeId& seek) const;
    std::optional<std::uint64_t> left_of(std::string_view under, const Quota& quota, InodeId file) const;
    Space space_for(InodeId file);
    std::uint64_t room_for(InodeId file, std::uint64_t offset, std::uint64_t bytes);
    void count(Inode& file, std::uint64_t begin, std::uint64_t end);
    bool is_below(InodeId directory, InodeId node) const;
    Change& note(Change change);
    void note_name(InodeId directory, const std::string& name, InodeId child);
    void forget_changes(InodeId file);
    void drop_unsynced();
    void replay(const std::vector<Change>& log, std::size_t kept, Prng* torn = nullptr);
    void apply(const Change& change, std::uint64_t end);
    static void lose_bytes(Inode& inode);
    static void lose_sectors(Inode& inode, Prng& luck);
    void settle();

    std::vector<std::unique_ptr<Inode>> inodes_;
    std::vector<Change> log_;
    std::uint64_t used_ = 0;
    std::map<std::string, Quota, std::less<>> quotas_;  // by directory
};

}  // namespace jst::runtime_sim
