#include "runtime_asio/file_calls.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

#include "runtime_asio/errors.hpp"
#include "runtime_asio/in_place.hpp"
#include "runtime_asio/place.hpp"

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

namespace jst::runtime_asio {
namespace {

using runtime::DiskAction;
using runtime::DiskOp;
using runtime::FileKind;

// Walks spans as arrays of iovec; what was taken is skipped.
template <class Span>
class Spans {
  public:
    explicit Spans(std::span<const Span> spans) noexcept : spans_(spans) { skip_empty(); }
    bool empty() const noexcept { return spans_.empty(); }
    /// The next spans, of `most` bytes together at most.
    int fill(std::array<iovec, 64>& out, std::size_t most) const noexcept {
        std::size_t n = 0;
        for (std::size_t skipped = offset_; n < std::min(spans_.size(), out.size()) && most > 0; skipped = 0) {
            const auto size = std::min(spans_[n].size() - skipped, most);
            out[n] = {const_cast<Byte*>(spans_[n].data()) + skipped, size};
            most -= size;
            ++n;
        }
        return static_cast<int>(n);
    }
    void take(std::size_t n) noexcept {
        offset_ += n;
        skip_empty();
    }

  private:
    void skip_empty() noexcept {
        while (!spans_.empty() && offset_ >= spans_[0].size()) {
            offset_ -= spans_[0].size();
            spans_ = spans_.subspan(1);
        }
    }
    std::span<const Span> spans_;
    std::size_t offset_ = 0;
};

off_t position(const DiskOp& op) noexcept { return static_cast<off_t>(op.offset + op.transferred); }

// 0: not told.
std::uint64_t file_system_of(int fd) noexcept {
    struct statfs status;
    return ::fstatfs(fd, &status) == 0 ? static_cast<std::uint64_t>(status.f_type) : 0;
}

// Elsewhere a call costs more than memory: where files are another program's (FUSE) each is a question to it. So is
// this: it is asked once for each file, by who opens it.
bool cuts_writes(int fd) noexcept {
    const auto kind = file_system_of(fd);
    return kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC;
}

Errc write_all(DiskOp& op, OpenFile file) noexcept {
    Spans<Bytes> from(op.from);
    std::array<iovec, 64> vectors;
    const std::size_t most = file.cuts_writes ? most_written_at_once : SIZE_MAX;
    while (!from.empty()) {
        const auto n = ::pwritev(file.fd, vectors.data(), from.fill(vectors, most), position(op));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return disk_error(errno);
        if (n == 0) return Errc::short_write;
        op.transferred += static_cast<std::size_t>(n);
        from.take(static_cast<std::size_t>(n));
    }
    return Errc::ok;
}

// 0, or the errno; short only at the end of the file.
int read_all(DiskOp& op, int fd, int flags) noexcept {
    Spans<MutableBytes> into(op.into);
    std::array<iovec, 64> vectors;
    while (!into.empty()) {
        const auto n = ::preadv2(fd, vectors.data(), into.fill(vectors, SIZE_MAX), position(op), flags);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) break;
        op.transferred += static_cast<std::size_t>(n);
        into.take(static_cast<std::size_t>(n));
    }
    return 0;
}

FileKind kind_of(mode_t mode) noexcept {
    if (S_ISREG(mode)) return FileKind::file;
    if (S_ISDIR(mode)) return FileKind::directory;
    return S_ISLNK(mode) ? FileKind::symlink : FileKind::other;
}

Errc result_of(int status) noexcept { return status == 0 ? Errc::ok : disk_error(errno); }

Errc open_file(DiskOp& op, bool lock) {
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (lock || op.mode == runtime::OpenMode::create)
        flags |= O_RDWR | O_CREAT;
    else
        flags |= op.mode == runtime::OpenMode::write ? O_RDWR : O_RDONLY;
    const auto opened = Place::open(op.path, op.trusted_prefix, flags);
    if (!opened) return opened.error().code;
    const int fd = *opened;
    struct stat status;
    Errc error = result_of(::fstat(fd, &status));
    if (error == Errc::ok && S_ISDIR(status.st_mode)) error = Errc::is_directory;
    if (error == Errc::ok && !S_ISREG(status.st_mode)) error = Errc::not_a_file;
    if (error == Errc::ok && lock && ::flock(fd, LOCK_EX | LOCK_NB) != 0)
        error = errno == EWOULDBLOCK ? Errc::state_dir_in_use : disk_error(errno);
    if (error == Errc::ok)
        op.extra = OpenFile{fd, (flags & O_ACCMODE) != O_RDONLY && cuts_writes(fd)}.packed();
    else
        ::close(fd);
    return error;
}

Errc stat_path(DiskOp& op, const Place& place) noexcept {
    struct stat status;
    if (::fstatat(place.dir(), place.name(), &status, AT_SYMLINK_NOFOLLOW) != 0) return disk_error(errno);
    op.stat.kind = kind_of(status.st_mode);
    op.stat.size = static_cast<std::uint64_t>(status.st_size);
    op.stat.modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    op.stat.allocated = static_cast<std::uint64_t>(status.st_blocks) * 512;
    op.stat.id = {std::uint64_t{status.st_dev}, std::uint64_t{status.st_ino}};
    return Errc::ok;
}

FileKind kind_of(int dir, const dirent& entry) noexcept {
    switch (entry.d_type) {
        case DT_REG:
            return FileKind::file;
        case DT_DIR:
            return FileKind::directory;
        case DT_LNK:
            return FileKind::symlink;
        case DT_UNKNOWN:
            break;
        default:
            return FileKind::other;
    }
    struct stat status;
    return ::fstatat(dir, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? kind_of(status.st_mode)
                                                                           : FileKind::missing;
}

Errc list_directory(DiskOp& op, const Place& place) {
    const int fd = ::openat(place.dir(), place.name(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | place.no_follow());
    if (fd < 0) return place.error(errno);
    DIR* dir = ::fdopendir(fd);
    if (dir == nullptr) {
        ::close(fd);
        return Errc::out_of_memory;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> closes(dir, &::closedir);
    errno = 0;
    while (const auto* entry = ::readdir(dir)) {
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        op.entries.push_back({entry->d_name, kind_of(fd, *entry)});
        errno = 0;
    }
    if (errno != 0) return disk_error(errno);
    std::sort(op.entries.begin(), op.entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return Errc::ok;
}

Errc sync_directory(const Place& place) noexcept {
    const int fd = ::openat(place.dir(), place.name(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | place.no_follow());
    if (fd < 0) return place.error(errno);
    const auto error = result_of(::fsync(fd));
    ::close(fd);
    return error;
}

// A file system that does not know holes says so, or gives the whole file as one range.
Errc find_extents(DiskOp& op, int fd) {
    struct stat status;
    if (::fstat(fd, &status) != 0) return disk_error(errno);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    for (std::uint64_t at = op.offset; at < size;) {
        const auto begin = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
        if (begin < 0 && errno == ENXIO) break;
        const auto end = begin < 0 ? begin : ::lseek(fd, begin, SEEK_HOLE);
        const bool known = end > begin && op.ranges.size() + 1 < runtime::max_extents;
        if (begin < 0 && errno != EINVAL) return disk_error(errno);
        op.ranges.push_back(
            {begin < 0 ? at : static_cast<std::uint64_t>(begin), known ? static_cast<std::uint64_t>(end) : size});
        at = op.ranges.back().end;
    }
    return Errc::ok;
}

Errc extents(DiskOp& op) {
    op.mode = runtime::OpenMode::read;
    const Errc opened = open_file(op, false);
    if (opened != Errc::ok) return opened;
    const int fd = OpenFile::from(op.extra).fd;
    const Errc error = find_extents(op, fd);
    ::close(fd);
    return error;
}

// Reserving is cheap only where files are extents; elsewhere it would write the whole file.
bool has_extents(int fd) noexcept {
    const auto kind = file_system_of(fd);
    return kind == EXT4_SUPER_MAGIC || kind == XFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC;
}

// Where it is slow it is done only by who can wait: with the first byte of a file, the engine's thread would.
Errc allocate(const DiskOp& op, int fd) noexcept {
    const auto size = static_cast<off_t>(op.offset);
    struct stat status;
    if (::fstat(fd, &status) != 0) return disk_error(errno);
    if (size > 0 && (op.bulk || has_extents(fd))) {
        int done;
        do done = ::fallocate(fd, 0, 0, size);
        while (done != 0 && errno == EINTR);
        if (done == 0 || errno != EOPNOTSUPP) return result_of(done);
    }
    return size > status.st_size ? result_of(::ftruncate(fd, size)) : Errc::ok;
}

Errc free_space(DiskOp& op) noexcept {
    struct statvfs status;
    if (::statvfs(op.path.c_str(), &status) != 0) return disk_error(errno);
    op.offset = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    return Errc::ok;
}

Errc rename_path(const DiskOp& op, const Place& place) {
    const auto to = Place::find(op.path_to, op.trusted_prefix);
    if (!to) return to.error().code;
    return result_of(::renameat(place.dir(), place.name(), to->dir(), to->name()));
}

Errc perform_at(DiskOp& op, const Place& place) {
    switch (op.action) {
        case DiskAction::stat:
            return stat_path(op, place);
        case DiskAction::list:
            return list_directory(op, place);
        case DiskAction::rename:
            return rename_path(op, place);
        case DiskAction::unlink:
            return result_of(::unlinkat(place.dir(), place.name(), 0));
        case DiskAction::rmdir:
            return result_of(::unlinkat(place.dir(), place.name(), AT_REMOVEDIR));
        case DiskAction::free_space:
            return free_space(op);
        case DiskAction::sync_dir:
            return sync_directory(place);
        default:
            return Errc::invalid_argument;
    }
}

// What the cache has needs no hint, and a hint costs as much as a small read.
Errc read(DiskOp& op, int fd) noexcept {
    if (op.ahead > 0) {
        if (read_cached(op, fd) == Cached::done) return op.error;
        off_t length = op.ahead;
        for (const auto span : op.into) length += static_cast<off_t>(span.size());
        ::posix_fadvise(fd, position(op), length, POSIX_FADV_WILLNEED);
        op.transferred = 0;
    }
    const int number = read_all(op, fd, 0);
    return number == 0 ? Errc::ok : disk_error(number);
}

Errc perform_on(DiskOp& op, OpenFile file) noexcept {
    const int fd = file.fd;
    switch (op.action) {
        case DiskAction::close:
            return result_of(::close(fd));
        case DiskAction::read:
            return read(op, fd);
        case DiskAction::digest:
            digest_in_place(op, fd);
            return Errc::ok;
        case DiskAction::write:
            return write_all(op, file);
        case DiskAction::truncate:
            return result_of(::ftruncate(fd, static_cast<off_t>(op.offset)));
        case DiskAction::allocate:
            return allocate(op, fd);
        case DiskAction::sync_file:
            return result_of(::fdatasync(fd));
        default:
            return Errc::invalid_argument;
    }
}

Errc make_directories(const DiskOp& op) {
    const auto made = Place::make_directories(op.path, op.trusted_prefix);
    return made ? Errc::ok : made.error().code;
}

Errc perform_path(DiskOp& op) {
    switch (op.action) {
        case DiskAction::mkdirs:
            return make_directories(op);
        case DiskAction::open:
            return open_file(op, false);
        case DiskAction::lock:
            return open_file(op, true);
        case DiskAction::extents:
            return extents(op);
        default:
            break;
    }
    const auto place = Place::find(op.path, op.trusted_prefix);
    return place ? perform_at(op, *place) : place.error().code;
}

}  // namespace

void perform(DiskOp& op, OpenFile file) noexcept {
    op.transferred = 0;
    try {
        op.error = file.fd >= 0 ? perform_on(op, file) : perform_path(op);
    } catch (const std::bad_alloc&) {
        op.error = Errc::out_of_memory;
    }
}

Cached read_cached(DiskOp& op, int fd) noexcept {
    op.transferred = 0;
    const int number = read_all(op, fd, RWF_NOWAIT);
    if (number == EAGAIN) return Cached::not_cached;
    if (number == EOPNOTSUPP) return Cached::unsupported;
    op.error = number == 0 ? Errc::ok : disk_error(number);
    return Cached::done;
}

}  // namespace jst::runtime_asio
