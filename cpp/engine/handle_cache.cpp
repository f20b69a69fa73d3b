#include "engine/handle_cache.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.hpp"
#include "base/undo.hpp"

namespace jst::engine {

using runtime::DiskAction;
using runtime::OpenMode;

void HandleCache::Queue::push(HandleWaiter& waiter) {
    waiter.next = nullptr;
    (last != nullptr ? last->next : first) = &waiter;
    last = &waiter;
}

HandleWaiter* HandleCache::Queue::pop() {
    HandleWaiter* const waiter = first;
    if (waiter == nullptr) return nullptr;
    first = waiter->next;
    if (first == nullptr) last = nullptr;
    waiter->next = nullptr;
    return waiter;
}

HandleCache::HandleCache(runtime::Disk& disk, std::size_t limit)
    : disk_(disk), limit_(std::max<std::size_t>(limit, 1)) {}

HandleCache::Entry* HandleCache::find(FileKey key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &entries_[found->second];
}

runtime::FileHandle HandleCache::try_pin(FileKey key, bool writable) {
    Entry* const entry = find(key);
    if (entry == nullptr || entry->step != Step::open || entry->close_when_idle || !entry->waiting.empty()) return {};
    if (writable && !entry->writable) return {};
    ++entry->pins;
    entry->last_used = ++uses_;
    return entry->file;
}

void HandleCache::acquire(HandleWaiter& waiter) {
    if (Entry* const entry = find(waiter.key)) {
        const bool ready = entry->step == Step::open && !entry->close_when_idle && entry->waiting.empty();
        JST_CHECK(!ready || (waiter.writable && !entry->writable), "a handle that could be pinned is waited for");
        entry->waiting.push(waiter);
        // Open only for reading: it is opened again, for both, as soon as nobody reads.
        if (ready && entry->pins == 0) start_close(*entry);
        return;
    }
    if (index_.size() < limit_ && starved_.empty()) {
        Entry& entry = add(waiter.key);
        entry.waiting.push(waiter);
        Undo undo([&] {  // as if it had never been asked for
            entry.waiting.pop();
            forget(entry);
        });
        start_open(entry);
        return undo.keep();
    }
    starved_.push(waiter);
    ++num_starved_;
    evict_one();
}

void HandleCache::release(FileKey key, Time now) {
    Entry* const entry = find(key);
    JST_CHECK(entry != nullptr && entry->pins > 0, "a handle is given back that was not pinned");
    --entry->pins;
    if (!entry->waiting.empty() || entry->close_when_idle) return serve(*entry, now);
    if (entry->pins == 0 && num_starved_ > num_closing_) start_close(*entry);
}

void HandleCache::unpin(FileKey key) noexcept {
    if (Entry* const entry = find(key)) --entry->pins;
}

HandleCache::Entry& HandleCache::add(FileKey key) {
    if (free_.empty()) {
        free_.reserve(std::max<std::size_t>(8, std::bit_ceil(entries_.size() + 1)));  // all may become free
        entries_.emplace_back();
        free_.push_back(entries_.size() - 1);
    }
    const std::size_t slot = free_.back();
    index_.emplace(key, slot);
    free_.pop_back();
    Entry& entry = entries_[slot];
    entry.cache = this;
    entry.key = key;
    entry.failure = Errc::ok;
    entry.close_when_idle = false;
    entry.pins = 0;
    return entry;
}

void HandleCache::submit(Entry& entry, DiskAction action, Step step) {
    entry.step = step;
    entry.op.on_done = on_op;
    entry.op.owner = &entry;
    entry.op.action = action;
    const OpenMode writing = entry.may_make ? OpenMode::create : OpenMode::write;
    entry.op.mode = entry.writable ? writing : OpenMode::read;
    entry.op.file = entry.file;
    disk_.submit(entry.op);
}

void HandleCache::start_open(Entry& entry) {
    const HandleWaiter& first = *entry.waiting.first;
    entry.path = first.path;
    entry.op.path = entry.path;
    entry.op.trusted_prefix = first.trusted_prefix;
    entry.op.tag = first.tag;
    entry.writable = false;
    entry.may_make = true;
    entry.reserve = 0;
    for (const HandleWaiter* waiter = &first; waiter != nullptr; waiter = waiter->next) {
        entry.writable = entry.writable || waiter->writable;
        entry.may_make = entry.may_make && (waiter->may_make || !waiter->writable);
        entry.reserve = std::max(entry.reserve, waiter->reserve);
    }
    entry.file = {};
    submit(entry, DiskAction::open, Step::opening);
}

void HandleCache::open_for_waiters(Entry& entry, Time now) {
    try {
        return start_open(entry);
    } catch (const std::bad_alloc&) {
        entry.failure = Errc::out_of_memory;
    }
    fail_waiters(entry, now);
}

void HandleCache::start_close(Entry& entry) {
    ++num_closing_;
    submit(entry, DiskAction::close, Step::closing);
}

void HandleCache::on_op(runtime::Op& op, Time now) {
    Entry& entry = *static_cast<Entry*>(op.owner);
    entry.cache->advance(entry, op.error, now);
}

void HandleCache::advance(Entry& entry, Errc error, Time now) {
    switch (entry.step) {
        case Step::opening:
        case Step::reopening:
            if (error == Errc::not_found && entry.writable && entry.may_make && entry.step == Step::opening) {
                entry.op.path.resize(entry.path.rfind('/'));  // is shorter: takes no memory
                return submit(entry, DiskAction::mkdirs, Step::making_dirs);
            }
            if (error != Errc::ok) break;
            entry.file = entry.op.file;
            if (!entry.writable || entry.reserve == 0) return opened(entry, now);
            entry.op.offset = entry.reserve;
            return submit(entry, DiskAction::allocate, Step::reserving);
        case Step::making_dirs:
            if (error != Errc::ok) break;
            entry.op.path = entry.path;
            return submit(entry, DiskAction::open, Step::reopening);
        case Step::reserving:
            // A disk that cannot reserve takes the bytes as they come.
            if (error == Errc::ok || error == Errc::not_supported) return opened(entry, now);
            entry.failure = error;
            return start_close(entry);
        case Step::closing:
            --num_closing_;
            entry.close_when_idle = false;
            if (entry.failure != Errc::ok) return fail_waiters(entry, now);
            if (!entry.waiting.empty()) return open_for_waiters(entry, now);
            return drop(entry, now);
        case Step::free:
        case Step::open:
            JST_CHECK(false, "a handle without an operation got an answer");
    }
    entry.failure = error;
    fail_waiters(entry, now);
}

void HandleCache::opened(Entry& entry, Time now) {
    entry.step = Step::open;
    serve(entry, now);
}

void HandleCache::serve(Entry& entry, Time now) {
    while (!entry.waiting.empty() && !entry.close_when_idle) {
        HandleWaiter& front = *entry.waiting.first;
        if (front.writable && !entry.writable) {
            if (entry.pins == 0) start_close(entry);
            return;
        }
        entry.waiting.pop();
        ++entry.pins;
        entry.last_used = ++uses_;
        front.error = Errc::ok;
        front.file = entry.file;
        front.on_ready(front, now);
    }
    if (entry.step == Step::open && entry.pins == 0 && (entry.close_when_idle || num_starved_ > num_closing_)) {
        start_close(entry);
    }
}

void HandleCache::fail_waiters(Entry& entry, Time now) {
    const Errc failure = entry.failure;
    Queue waiting = std::exchange(entry.waiting, {});
    // Freed first: a waiter that tries again opens it anew.
    drop(entry, now);
    while (HandleWaiter* const waiter = waiting.pop()) {
        waiter->error = failure;
        waiter->file = {};
        waiter->on_ready(*waiter, now);
    }
}

void HandleCache::forget(Entry& entry) noexcept {
    const auto found = index_.find(entry.key);
    free_.push_back(found->second);  // has room: add()
    index_.erase(found);
    entry.step = Step::free;
    entry.file = {};
}

void HandleCache::drop(Entry& entry, Time now) {
    forget(entry);
    serve_starved(now);
}

void HandleCache::serve_starved(Time now) {
    while (!starved_.empty()) {
        Entry* entry = find(starved_.first->key);
        if (entry == nullptr && index_.size() >= limit_) return evict_one();
        const bool fresh = entry == nullptr;
        if (fresh) entry = &add(starved_.first->key);
        HandleWaiter& waiter = *starved_.pop();
        --num_starved_;
        entry->waiting.push(waiter);
        if (fresh) {
            open_for_waiters(*entry, now);
        } else if (entry->step == Step::open) {
            serve(*entry, now);
        }
    }
}

void HandleCache::evict_one() {
    if (num_closing_ >= num_starved_) return;
    Entry* oldest = nullptr;
    for (auto& entry : entries_) {
        if (entry.step != Step::open || entry.pins != 0 || !entry.waiting.empty()) continue;
        if (oldest == nullptr || entry.last_used < oldest->last_used) oldest = &entry;
    }
    if (oldest != nullptr) start_close(*oldest);
}

void HandleCache::close_store(std::uint32_t store) {
    for (auto& entry : entries_) {
        if (entry.step == Step::free || entry.key.store != store) continue;
        if (entry.step == Step::open && entry.pins == 0) {
            start_close(entry);
        } else if (entry.step != Step::closing) {
            entry.close_when_idle = true;
        }
    }
}

void HandleCache::close_file(FileKey key) {
    Entry* const entry = find(key);
    if (entry == nullptr) return;
    if (entry->step == Step::open && entry->pins == 0)
        start_close(*entry);
    else if (entry->step != Step::closing)
        entry->close_when_idle = true;
}

bool HandleCache::is_open(std::uint32_t store) const {
    const auto first = index_.lower_bound(FileKey{store, 0});
    return first != index_.end() && first->first.store == store;
}

bool HandleCache::is_idle() const noexcept {
    if (!starved_.empty()) return false;
    return std::all_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
        return entry.step == Step::free || (entry.step == Step::open && entry.pins == 0 && entry.waiting.empty());
    });
}

}  // namespace jst::engine
