// Where a path lies, reached without following a link that a torrent or another user may have planted.
//
// The trusted prefix is opened as it is; below it the kernel resolves without links (openat2), or, where that call is
// missing, one component at a time. The last component is left to the caller, who acts on it relative to dir().
#pragma once

#include <string>

#include "base/result.hpp"

namespace jst::runtime_asio {

class Place {
  public:
    /// Errc::symlink, not_found, not_directory, ...; Errc::bad_path for "..", "." and NUL in the untrusted part.
    static Result<Place> find(const std::string& path, std::size_t trusted_prefix);
    /// A descriptor of what is there, or of the file that O_CREAT makes, in fewer calls than find() and openat().
    static Result<int> open(const std::string& path, std::size_t trusted_prefix, int flags);
    /// Makes all missing directories of `path`.
    static Result<void> make_directories(const std::string& path, std::size_t trusted_prefix);

    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();

    int dir() const noexcept { return dir_; }
    const char* name() const noexcept { return name_.c_str(); }
    /// O_NOFOLLOW where the last component is not trusted.
    int no_follow() const noexcept;
    /// The error of a call on name() that failed with `number`; tells a link from a missing directory.
    Errc error(int number) const noexcept;

  private:
    Place(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}
    int dir_;
    std::string name_;
};

/// For tests: walk as if openat2 were missing.
void set_openat2_missing(bool missing) noexcept;

}  // namespace jst::runtime_asio
