// Crashes: which of the changes that were not synced are there afterwards.
#include <algorithm>

#include "runtime_sim/file_store.hpp"

namespace jst::runtime_sim {
namespace {

std::uint64_t blocks_to(std::uint64_t end) noexcept { return (end + disk_block - 1) / disk_block; }

void copy(const SparseBytes& from, SparseBytes& to, std::uint64_t begin, std::uint64_t end) {
    ByteVector buffer(static_cast<std::size_t>(end - begin));
    from.read(begin, buffer);
    to.write(begin, buffer);
}

}  // namespace

// ---- what is not synced ----

FileStore::Change& FileStore::note(Change change) {
    for (const auto& name : change.names)
        if (name.child != 0) ++at(name.child).pending;
    if (change.file != 0) ++at(change.file).changes;
    log_.push_back(std::move(change));
    return log_.back();
}

void FileStore::note_name(InodeId directory, const std::string& name, InodeId child) {
    ++at(directory).changes;
    note({.names = {{directory, name, child}}});
}

void FileStore::forget_changes(InodeId file) {
    if (at(file).changes == 0) return;
    at(file).changes = 0;
    std::vector<InodeId> freed;
    for (auto& change : log_)
        std::erase_if(change.names, [&](const NameChange& name) {
            if (name.directory == file && name.child != 0) freed.push_back(name.child);
            return name.directory == file;
        });
    std::erase_if(log_, [&](const Change& change) {
        return change.kind == Change::Kind::names ? change.names.empty() : change.file == file;
    });
    for (const InodeId child : freed) {
        --at(child).pending;
        forget_if_unused(child);
    }
}

// ---- what a crash leaves ----

void FileStore::crash(CrashMode mode, Prng& luck) {
    const auto log = std::exchange(log_, {});
    switch (mode) {
        case CrashMode::clean:
            log_ = log;
            return release_all();
        case CrashMode::drop_all:
            drop_unsynced();
            replay(log, 0);
            break;
        case CrashMode::keep_prefix:
        case CrashMode::torn_512: {
            drop_unsynced();
            const auto kept = static_cast<std::size_t>(luck.between(0, log.size()));
            replay(log, kept, mode == CrashMode::torn_512 ? &luck : nullptr);
            break;
        }
        case CrashMode::metadata_first:
            for (auto& inode : inodes_)
                if (inode) lose_bytes(*inode);
            replay(log, 0);
            break;
        case CrashMode::random: {
            const auto kept = static_cast<std::size_t>(luck.between(0, log.size()));
            for (auto& inode : inodes_)
                if (inode) lose_sectors(*inode, luck);
            for (std::size_t i = 0; i < log.size(); ++i)
                if (log[i].always || (log[i].kind == Change::Kind::names && i < kept)) apply(log[i], log[i].end);
            break;
        }
    }
    settle();
}

void FileStore::drop_unsynced() {
    for (auto& inode : inodes_) {
        if (!inode) continue;
        inode->children = inode->durable_children;
        for (const auto& [begin, end] : inode->dirty.ranges()) inode->bytes.share(inode->durable_bytes, begin, end);
        inode->bytes.truncate(inode->durable_size);
        inode->dirty.clear();
        inode->size = inode->durable_size;
        inode->modified = inode->durable_modified;
        inode->allocated = inode->durable_allocated;
        inode->written = inode->durable_written;
    }
}

/// The first `kept` changes once more; `torn`: the last of them ends early, if it is a write.
void FileStore::replay(const std::vector<Change>& log, std::size_t kept, Prng* torn) {
    for (std::size_t i = 0; i < log.size(); ++i) {
        const Change& change = log[i];
        if (i >= kept && !change.always) continue;
        std::uint64_t end = change.end;
        if (torn != nullptr && i + 1 == kept && change.kind == Change::Kind::write && !change.always) {
            const std::uint64_t first = change.begin / disk_sector + 1;
            const std::uint64_t last = (change.end - 1) / disk_sector;
            const std::uint64_t sector = torn->between(first - 1, std::max(first - 1, last));
            end = std::max(change.begin, sector * disk_sector);
        }
        apply(change, end);
    }
}

void FileStore::apply(const Change& change, std::uint64_t end) {
    if (change.kind == Change::Kind::names) {
        for (const auto& name : change.names) {
            if (!inodes_[name.directory]) continue;
            auto& children = at(name.directory).children;
            if (name.child == 0)
                children.erase(name.name);
            else
                children.insert_or_assign(name.name, name.child);
        }
        return;
    }
    auto& file = at(change.file);
    if (change.kind == Change::Kind::write) {
        if (end <= change.begin) return;
        copy(change.bytes, file.bytes, change.begin, end);
        file.allocated.insert(change.begin / disk_block, blocks_to(end));
        file.written.insert(change.begin / disk_block, blocks_to(end));
        file.dirty.insert(change.begin, end);
        file.size = std::max(file.size, end);
    } else if (change.kind == Change::Kind::truncate) {
        if (change.begin < file.size) file.dirty.insert(change.begin, file.size);
        file.bytes.truncate(change.begin);
        file.allocated.erase_from(blocks_to(change.begin));
        file.written.erase_from(blocks_to(change.begin));
        file.size = change.begin;
    } else {
        file.allocated.insert(0, blocks_to(end));
        file.size = std::max(file.size, end);
    }
    file.modified = change.modified;
}

void FileStore::lose_bytes(Inode& inode) {
    for (const auto& [begin, end] : inode.dirty.ranges()) {
        const std::uint64_t last = std::min(end, inode.size);
        if (begin < last) inode.bytes.write(begin, ByteVector(static_cast<std::size_t>(last - begin)));
    }
}

void FileStore::lose_sectors(Inode& inode, Prng& luck) {
    inode.children = inode.durable_children;
    const bool keeps_size = inode.dirty.total() != 0 || inode.size != inode.durable_size ? luck.chance(1, 2) : true;
    SparseBytes seen = inode.bytes;
    inode.allocated = inode.durable_allocated;
    inode.written = inode.durable_written;
    for (const auto& [begin, end] : inode.dirty.ranges()) inode.bytes.share(inode.durable_bytes, begin, end);
    for (const auto& [begin, end] : inode.dirty.ranges()) {
        for (std::uint64_t at = begin; at < end;) {
            const std::uint64_t next = std::min(end, (at / disk_sector + 1) * disk_sector);
            if (luck.chance(1, 2)) {
                copy(seen, inode.bytes, at, next);
                inode.allocated.insert(at / disk_block, blocks_to(next));
                inode.written.insert(at / disk_block, blocks_to(next));
            }
            at = next;
        }
    }
    if (!keeps_size) {
        inode.size = inode.durable_size;
        inode.modified = inode.durable_modified;
    }
    inode.bytes.truncate(inode.size);
    inode.allocated.erase_from(blocks_to(inode.size));
    inode.written.erase_from(blocks_to(inode.size));
}

/// What is there now is on disk; names, used space and what is gone follow from the directories.
void FileStore::settle() {
    for (auto& inode : inodes_) {
        if (!inode) continue;
        inode->durable_children = inode->children;
        for (const auto& [begin, end] : inode->dirty.ranges()) inode->durable_bytes.share(inode->bytes, begin, end);
        inode->durable_bytes.truncate(inode->size);
        inode->dirty.clear();
        inode->durable_size = inode->size;
        inode->durable_modified = inode->modified;
        inode->durable_allocated = inode->allocated;
        inode->durable_written = inode->written;
        inode->pending = inode->changes = inode->names = inode->handles = 0;
        inode->locked = false;
    }
    std::vector<InodeId> reached{1};
    at(1).names = 1;
    for (std::size_t i = 0; i < reached.size(); ++i)
        for (const auto& [name, child] : at(reached[i]).children)
            if (++at(child).names == 1) reached.push_back(child);
    used_ = 0;
    for (auto& inode : inodes_) {
        if (!inode) continue;
        if (inode->names == 0)
            inode.reset();
        else
            used_ += inode->allocated.total() * disk_block;
        if (inode) inode->durable_names = inode->names;
    }
}

}  // namespace jst::runtime_sim
