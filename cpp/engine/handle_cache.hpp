// Open files of the whole session: a bounded number of handles, the least recently used closed first.
//
// A handle is pinned while an operation uses it. Who finds the file closed waits in line; the cache opens it (making
// the directories that are missing and reserving its space when asked to), closing another when it is full. Knows keys
// and paths, not torrents. Invariants: 1. open handles, those being opened or closed included, <= limit; 2. a pinned
// handle is never closed; 3. waiters of one file are served in order; 4. each waiter gets exactly one answer, never
// inside acquire().
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/disk.hpp"

namespace jst::engine {

inline constexpr std::size_t default_open_files = 256;

struct FileKey {
    std::uint32_t store = 0;
    std::uint32_t file = 0;
    friend constexpr auto operator<=>(FileKey, FileKey) noexcept = default;
};

/// Someone who needs a file open. The caller owns it and keeps it in place until the answer.
struct HandleWaiter {
    using Handler = void (*)(HandleWaiter&, Time now);

    Handler on_ready = nullptr;
    void* owner = nullptr;
    FileKey key;
    bool writable = false;
    bool may_make = false;  // opened for writing, the file is made when missing
    std::string_view path;  // valid until the answer
    std::size_t trusted_prefix = 0;
    std::uint64_t reserve = 0;  // a file that is opened for writing gets this size; 0: as it is
    runtime::Tag tag;
    // the answer
    Errc error = Errc::ok;
    runtime::FileHandle file;  // pinned: give it back with release()

    HandleWaiter* next = nullptr;  // the cache's own
};

class HandleCache {
  public:
    /// At least one handle.
    explicit HandleCache(runtime::Disk& disk, std::size_t limit = default_open_files);
    HandleCache(const HandleCache&) = delete;
    HandleCache& operator=(const HandleCache&) = delete;

    /// The handle, pinned, when it is open in the right way and nobody waits for it.
    runtime::FileHandle try_pin(FileKey key, bool writable);
    /// Answers later, in another turn. try_pin() comes first (JST_CHECK).
    void acquire(HandleWaiter& waiter);
    void release(FileKey key, Time now);
    /// The same for what try_pin() gave in this very turn: nobody is served.
    void unpin(FileKey key) noexcept;

    /// Closes every handle of a store as soon as it is not pinned. is_open() says when all are closed.
    void close_store(std::uint32_t store);
    /// The same for one file.
    void close_file(FileKey key);
    bool is_open(std::uint32_t store) const;
    /// Open handles, and those being opened or closed.
    std::size_t size() const noexcept { return index_.size(); }
    std::size_t limit() const noexcept { return limit_; }
    /// Nothing pending and nothing pinned.
    bool is_idle() const noexcept;

  private:
    // opening -> open; a missing directory: making_dirs -> reopening; space to reserve: reserving. open -> closing ->
    // free, or opening again when somebody waits.
    enum class Step : std::uint8_t { free, opening, making_dirs, reopening, reserving, open, closing };
    struct Queue {
        HandleWaiter* first = nullptr;
        HandleWaiter* last = nullptr;
        void push(HandleWaiter& waiter);
        HandleWaiter* pop();
        bool empty() const noexcept { return first == nullptr; }
    };
    struct Entry {
        HandleCache* cache = nullptr;
        FileKey key;
        Step step = Step::free;
        bool writable = false;
        bool may_make = false;
        bool close_when_idle = false;
        std::uint32_t pins = 0;
        std::uint64_t last_used = 0;
        std::uint64_t reserve = 0;
        Errc failure = Errc::ok;
        runtime::FileHandle file;
        runtime::DiskOp op;
        std::string path;
        Queue waiting;
    };

    static void on_op(runtime::Op& op, Time now);
    void advance(Entry& entry, Errc error, Time now);
    void submit(Entry& entry, runtime::DiskAction action, Step step);
    void start_open(Entry& entry);
    void open_for_waiters(Entry& entry, Time now);
    void start_close(Entry& entry);
    void opened(Entry& entry, Time now);
    void fail_waiters(Entry& entry, Time now);
    void drop(Entry& entry, Time now);
    void forget(Entry& entry) noexcept;
    void serve(Entry& entry, Time now);
    Entry* find(FileKey key);
    Entry& add(FileKey key);
    void evict_one();
    void serve_starved(Time now);

    runtime::Disk& disk_;
    std::size_t limit_;
    std::deque<Entry> entries_;
    std::map<FileKey, std::size_t> index_;
    std::vector<std::size_t> free_;
    Queue starved_;  // the cache was full
    std::size_t num_starved_ = 0;
    std::size_t num_closing_ = 0;
    std::uint64_t uses_ = 0;
};

}  // namespace jst::engine
