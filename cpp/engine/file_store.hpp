// The files of one torrent: ranges of pieces in, disk operations out.
//
// Opens lazily through a cache of handles that all torrents share, makes directories, zero-byte files and room as needed,
// splits a range over its files (skipped ones go to the part file), joins what lies together into one operation, and says
// which path an error concerns. Never touches anything outside save_path, follows no symbolic link below it, and makes
// no file before something is written to it or make_empty_files() is asked.
// Invariants: 1. a job completes exactly once, never inline; 2. jobs and their spans stay with the caller until then;
// 3. the order of jobs on one file is kept; 4. no allocation per job once warm.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/metainfo.hpp"
#include "runtime/runtime.hpp"
#include "storage/file_map.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

/// Open files over all torrents; the one used longest ago is closed first.
inline constexpr std::size_t max_open_files = 128;

class HandleCache;  // one for a session; file_store.cpp's, made by make_handle_cache()
std::shared_ptr<HandleCache> make_handle_cache(runtime::Runtime& runtime, std::size_t most = max_open_files);
/// Disk operations of the cache itself (closes) that are not completed.
std::size_t pending(const HandleCache& cache) noexcept;

/// Something to be done with the files. The caller fills the first part, the store the second.
struct FileJob {
    using Handler = void (*)(FileJob& job, Time now);

    Handler on_done = nullptr;
    void* owner = nullptr;
    std::uint64_t key = 0;
    runtime::Tag tag;
    bool bulk = false;
    PieceIndex piece;
    std::uint64_t begin = 0;                // from the start of `piece`; a range may go on over later pieces
    std::span<const Bytes> from;            // write
    std::span<const MutableBytes> into;     // read; beyond the end of a short or absent file: Errc::short_read, not_found

    Errc error = Errc::ok;  // the first one
    std::string where;      // the path that it concerns
    bool pending = false;
    std::vector<storage::FileStamp> stamps;  // stat_all: one for each file
    storage::FileStamp part_stamp;

    FileJob() = default;
    FileJob(const FileJob&) = delete;
    FileJob& operator=(const FileJob&) = delete;
    ~FileJob();

    struct Parts;  // the operations that it is split into
    std::unique_ptr<Parts> parts;
};

class FileStore {
  public:
    /// `paths`: the relative path of each file, from storage::safe_paths or renames. All references outlive the store.
    FileStore(runtime::Runtime& runtime, std::shared_ptr<HandleCache> handles, const codec::Metainfo& metainfo,
              const storage::FileMap& map, std::string save_path, std::vector<std::string> paths);
    ~FileStore();

    void read(FileJob& job);
    void write(FileJob& job);
    /// How all files are now, for resume; never an error for what is absent.
    void stat_all(FileJob& job);
    /// Creates the zero-byte files that are not skipped, with their directories.
    void make_empty_files(FileJob& job);
    /// All that was written so far is durable, names too.
    void sync(FileJob& job);
    /// Gives all handles back (stop, remove).
    void close_files(FileJob& job);
    /// Removes the files, the part file, and directories of the torrent that are empty then.
    void delete_files(FileJob& job);

    /// Bytes of a skipped file that share a piece with wanted ones go to the part file from now on; what was in the file stays.
    void set_skipped(FileIndex file, bool skipped);
    bool in_part_file(FileIndex file) const noexcept;
    const std::string& save_path() const noexcept { return save_path_; }
    /// Relative, as it is on disk.
    const std::string& path(FileIndex file) const noexcept { return paths_[file.value]; }
    std::string full_path(FileIndex file) const;
    /// Jobs not completed.
    std::size_t pending() const noexcept { return pending_; }

  private:
    struct State;
    std::string save_path_;
    std::vector<std::string> paths_;
    std::size_t pending_ = 0;
    std::unique_ptr<State> state_;
};

}  // namespace jst::engine
