// Files, as the engine sees them: every operation is a DiskOp that completes later.
//
// Which piece lies where, coalescing and the resume format are pure code above. Whether an operation runs on the engine
// thread at the end of the round (cached writes) or on a worker (slow disks, checks) is the runtime's business.
// Operations on one file take effect in the order of their submission; so do those that name paths, bulk ones excepted.
// Only regular files are opened: anything else is Errc::not_a_file (a directory: Errc::is_directory), without waiting.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/op.hpp"

namespace jst::runtime {

/// An open file of one runtime; 0 is none. Never reused within a runtime.
struct FileHandle {
    std::uint64_t value = 0;
    explicit operator bool() const noexcept { return value != 0; }
    friend auto operator<=>(FileHandle, FileHandle) noexcept = default;
};

enum class DiskAction : std::uint8_t {
    open,    // path, mode -> file
    close,   // file; later operations on it fail with Errc::bad_handle
    stat,    // path -> stat (follows no link in the last component, but one before "/."); Errc::not_found, kind missing
    list,    // path -> entries, sorted by name
    mkdirs,  // path: all missing directories
    rename,  // path -> path_to, replacing; both have the same trusted prefix
    unlink,  // path: a file or a symbolic link
    rmdir,   // path: an empty directory
    truncate,    // file, offset = new size
    allocate,    // file, offset = size wanted: space is reserved, the size grows to it
    free_space,  // path -> offset = bytes free
    read,        // file, offset, into -> transferred (short only at the end of the file)
    write,       // file, offset, from -> transferred (all, or an error)
    sync_file,   // file: data and size are durable
    sync_dir,    // path: names in it are durable
    extents,     // path, offset -> ranges: where bytes lie from there on, sorted; what is between reads as zeros
    lock,        // path: creates the file, takes the kernel's exclusive lock -> file; Errc::state_dir_in_use if taken
    digest,      // file, offset, digests -> transferred: of so many leading bytes, whole parts; the rest must be read
};

enum class OpenMode : std::uint8_t { read, write, create };  // write: existing, read and write; create: made if missing

enum class FileKind : std::uint8_t { missing, file, directory, symlink, other };

/// Which file it is, whatever names it has; two zeros: not told.
struct FileId {
    std::uint64_t device = 0;
    std::uint64_t number = 0;
    friend bool operator==(const FileId&, const FileId&) = default;
};

struct FileStat {
    FileKind kind = FileKind::missing;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;  // wall clock
    std::uint64_t allocated = 0;   // bytes on disk, holes not counted
    FileId id = {};
};

/// Half-open.
struct FileRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    friend bool operator==(const FileRange&, const FileRange&) = default;
};

/// Of one `extents` operation; where there are more, the last range goes to the end of the file.
inline constexpr std::size_t max_extents = 4096;

struct DirEntry {
    std::string name;
    FileKind kind = FileKind::missing;
};

/// Bytes of a file that lie somewhere else than in the reader's memory, for as long as a copy of this lives. They are
/// for Stream::write_some and nobody else: a file that is cut short takes its bytes away, and only the kernel survives
/// that (the write fails). Until they are sent, what is written to the file may show.
struct Lent {
    Bytes bytes;
    std::shared_ptr<const void> keeper;
    explicit operator bool() const noexcept { return keeper != nullptr; }
};

/// Shorter reads are copied: that is cheaper.
inline constexpr std::size_t lent_from_bytes = 32u << 10;

/// `length` bytes of a file in parts of `each`, the last of which may be shorter, and the SHA-1 of each part.
struct Digests {
    std::uint64_t length = 0;
    std::uint32_t each = 0;
    std::span<Sha1Digest> sha1;
    bool empty() const noexcept { return sha1.empty(); }
};

/// More parts than these are not asked for at once.
inline constexpr std::size_t max_digests = 64;

struct DiskOp : Op {
    DiskAction action = DiskAction::stat;
    OpenMode mode = OpenMode::read;
    bool bulk = false;  // a check or a sweep: may wait behind others, never on the engine thread
    /// So many leading bytes of `path` are trusted; a symbolic link in the rest is refused with Errc::symlink.
    /// 0: the whole path is trusted.
    std::size_t trusted_prefix = 0;
    std::string path;
    std::string path_to;
    FileHandle file;
    std::uint64_t offset = 0;
    std::span<const MutableBytes> into;
    std::uint32_t ahead = 0;  // so many bytes after `into` will be read soon: a hint
    bool may_lend = false;    // a read may answer with `lent` instead of filling `into`
    Lent lent;
    std::span<const Bytes> from;
    Digests digests;
    std::size_t transferred = 0;
    FileStat stat;
    std::vector<DirEntry> entries;
    std::vector<FileRange> ranges;
};

class Disk {
  public:
    virtual ~Disk() = default;
    virtual void submit(DiskOp& op) = 0;
    /// Operations submitted and not completed.
    virtual std::size_t pending() const noexcept = 0;
    /// `digest` is worth a question. Elsewhere everything is read, and what watches or breaks reads sees all of them.
    virtual bool digests_in_place() const noexcept { return false; }
};

}  // namespace jst::runtime
