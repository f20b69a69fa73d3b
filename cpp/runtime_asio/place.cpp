#include "runtime_asio/place.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime_asio/errors.hpp"

namespace jst::runtime_asio {
namespace {

constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr mode_t new_file_mode = 0666;

std::atomic<bool> openat2_missing{false};

class Fd {
  public:
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

bool is_link(int dir, const char* name) noexcept {
    struct stat status;
    return ::fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
}

Errc error_at(int dir, const char* name, int number) noexcept {
    if ((number == ENOTDIR || number == ELOOP) && is_link(dir, name)) return Errc::symlink;
    return disk_error(number);
}

// The names of an untrusted rest; none may lead elsewhere.
Result<std::vector<std::string>> components(std::string_view rest) {
    std::vector<std::string> names;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('/'), rest.size());
        const auto name = rest.substr(0, end);
        if (name == "." || name == "..") return fail(Errc::bad_path);
        if (!name.empty()) names.emplace_back(name);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return names;
}

Result<Fd> open_prefix(const std::string& prefix) {
    Fd fd(::open(prefix.empty() ? "." : prefix.c_str(), directory_flags));
    if (!fd) return fail(disk_error(errno));
    return fd;
}

Result<Fd> step(int dir, const std::string& name) {
    Fd next(::openat(dir, name.c_str(), directory_flags | O_NOFOLLOW));
    if (!next) return fail(error_at(dir, name.c_str(), errno));
    return next;
}

bool cannot_resolve(int number) noexcept { return number == ENOSYS || number == EPERM || number == EAGAIN; }

// What lies at `names` below `dir`, reached through no link; Errc::not_supported where openat2 does not do, and steps
// may.
Result<Fd> open_at_once(int dir, std::span<const std::string> names, int flags) {
    if (openat2_missing.load(std::memory_order_relaxed)) return fail(Errc::not_supported);
    std::string path;
    for (const auto& name : names) path.append(path.empty() ? "" : "/").append(name);
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.mode = (flags & O_CREAT) != 0 ? new_file_mode : 0;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH;
    Fd fd(static_cast<int>(::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how)));
    if (fd) return fd;
    return fail(cannot_resolve(errno) ? Errc::not_supported : disk_error(errno));
}

Result<Fd> resolve(Fd dir, const std::vector<std::string>& names) {
    if (names.size() == 1) return dir;
    auto found = open_at_once(dir.get(), std::span(names).first(names.size() - 1), directory_flags);
    if (found || found.error().code != Errc::not_supported) return found;
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
        JST_TRY(next, step(dir.get(), names[i]));
        dir = std::move(next);
    }
    return dir;
}

bool whole_is_trusted(const std::string& path, std::size_t trusted) noexcept {
    return trusted == 0 || trusted >= path.size();
}

Result<void> make_trusted(const std::string& path) {
    for (std::size_t end = path.find('/', 1); !path.empty(); end = path.find('/', end + 1)) {
        const auto part = path.substr(0, end);
        if (::mkdir(part.c_str(), 0777) != 0 && errno != EEXIST) {
            // A directory above may exist and still not be ours to write to: only what is missing matters.
            const int number = errno;
            struct stat status;
            if (::stat(part.c_str(), &status) != 0) return fail(disk_error(number));
        }
        if (end == std::string::npos) break;
    }
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return fail(disk_error(errno));
    if (!S_ISDIR(status.st_mode)) return fail(Errc::not_directory);
    return {};
}

}  // namespace

Result<Place> Place::find(const std::string& path, std::size_t trusted_prefix) {
    if (path.empty() || path.find('\0') != std::string::npos) return fail(Errc::bad_path);
    if (whole_is_trusted(path, trusted_prefix)) return Place(AT_FDCWD, path);
    JST_TRY(names, components(std::string_view(path).substr(trusted_prefix)));
    if (names.empty()) return Place(AT_FDCWD, path);
    JST_TRY(prefix, open_prefix(path.substr(0, trusted_prefix)));
    JST_TRY(parent, resolve(std::move(prefix), names));
    return Place(parent.release(), std::move(names.back()));
}

Result<int> Place::open(const std::string& path, std::size_t trusted_prefix, int flags) {
    if (path.empty() || path.find('\0') != std::string::npos) return fail(Errc::bad_path);
    if (!whole_is_trusted(path, trusted_prefix)) {
        JST_TRY(names, components(std::string_view(path).substr(trusted_prefix)));
        if (!names.empty()) {
            JST_TRY(prefix, open_prefix(path.substr(0, trusted_prefix)));
            auto found = open_at_once(prefix.get(), names, flags);
            if (found) return found->release();
            if (found.error().code != Errc::not_supported) return fail(found.error().code);
        }
    }
    JST_TRY(place, find(path, trusted_prefix));
    const int fd = ::openat(place.dir(), place.name(), flags | place.no_follow(), new_file_mode);
    if (fd < 0) return fail(place.error(errno));
    return fd;
}

Result<void> Place::make_directories(const std::string& path, std::size_t trusted_prefix) {
    if (path.empty() || path.find('\0') != std::string::npos) return fail(Errc::bad_path);
    if (whole_is_trusted(path, trusted_prefix)) return make_trusted(path);
    JST_TRY(names, components(std::string_view(path).substr(trusted_prefix)));
    const auto prefix = path.substr(0, trusted_prefix);
    JST_TRY_VOID(make_trusted(prefix));
    JST_TRY(dir, open_prefix(prefix));
    for (const auto& name : names) {
        if (::mkdirat(dir.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
            return fail(error_at(dir.get(), name.c_str(), errno));
        JST_TRY(next, step(dir.get(), name));
        dir = std::move(next);
    }
    return {};
}

Place::Place(Place&& other) noexcept : dir_(std::exchange(other.dir_, AT_FDCWD)), name_(std::move(other.name_)) {}

Place::~Place() {
    if (dir_ != AT_FDCWD) ::close(dir_);
}

int Place::no_follow() const noexcept { return dir_ == AT_FDCWD ? 0 : O_NOFOLLOW; }

Errc Place::error(int number) const noexcept { return error_at(dir_, name_.c_str(), number); }

void set_openat2_missing(bool missing) noexcept { openat2_missing.store(missing); }

}  // namespace jst::runtime_asio
