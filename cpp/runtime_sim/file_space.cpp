// Space: what files take, and how much of it a disk and its quotas leave.
#include <algorithm>

#include "runtime_sim/disk_faults.hpp"
#include "runtime_sim/file_store.hpp"

namespace jst::runtime_sim {
namespace {

constexpr InodeId nobody = 0;

std::uint64_t blocks_to(std::uint64_t end) noexcept { return (end + disk_block - 1) / disk_block; }

}  // namespace

void FileStore::set_quota(std::string_view under, std::optional<std::uint64_t> bytes) {
    if (bytes)
        quotas_.insert_or_assign(std::string(under), Quota{*bytes, 0});
    else if (const auto found = quotas_.find(under); found != quotas_.end())
        quotas_.erase(found);
}

std::uint64_t FileStore::quota_hits(std::string_view under) const {
    const auto found = quotas_.find(under);
    return found == quotas_.end() ? 0 : found->second.hits;
}

// Of the files in a directory and below; `seek` is set when that file is among them. A file of two names counts twice.
std::uint64_t FileStore::allocated_below(InodeId directory, InodeId& seek) const {
    if (directory == seek) seek = nobody;
    std::uint64_t total = at(directory).allocated.total() * disk_block;
    for (const auto& [name, child] : at(directory).children) total += allocated_below(child, seek);
    return total;
}

// How much one quota leaves for a file; nothing when the quota is not about it.
std::optional<std::uint64_t> FileStore::left_of(std::string_view under, const Quota& quota, InodeId file) const {
    std::uint64_t used = used_;
    if (!under.empty()) {
        const auto directory = existing(under, 0, true);
        if (!directory) return std::nullopt;
        used = allocated_below(*directory, file);
        if (file != nobody) return std::nullopt;
    }
    return quota.bytes > used ? quota.bytes - used : 0;
}

FileStore::Space FileStore::space_for(InodeId file) {
    Space space{default_capacity > used_ ? default_capacity - used_ : 0, nullptr};
    for (auto& [under, quota] : quotas_) {
        const auto left = left_of(under, quota, file);
        if (left && *left < space.bytes) space = {*left, &quota};
    }
    return space;
}

std::uint64_t FileStore::free_space(std::string_view path) const {
    std::uint64_t free = default_capacity > used_ ? default_capacity - used_ : 0;
    for (const auto& [under, quota] : quotas_) {
        if (!under.empty() && !is_at_or_below(path, under)) continue;
        if (const auto left = left_of(under, quota, nobody)) free = std::min(free, *left);
    }
    return free;
}

void FileStore::count(Inode& file, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t before = file.allocated.total();
    file.allocated.insert(begin / disk_block, blocks_to(end));
    used_ += (file.allocated.total() - before) * disk_block;
}

// How many of the bytes from `offset` on find space.
std::uint64_t FileStore::room_for(InodeId id, std::uint64_t offset, std::uint64_t bytes) {
    const auto& file = at(id);
    const std::uint64_t first = offset / disk_block;
    const std::uint64_t last = blocks_to(offset + bytes);
    const std::uint64_t missing = file.allocated.missing(first, last);
    if (missing == 0) return bytes;
    const Space space = space_for(id);
    std::uint64_t blocks = space.bytes / disk_block;
    if (missing <= blocks) return bytes;
    if (space.quota != nullptr) ++space.quota->hits;
    std::uint64_t block = first;
    for (; block < last; ++block) {
        if (file.allocated.missing(block, block + 1) == 0) continue;
        if (blocks == 0) break;
        --blocks;
    }
    const std::uint64_t end = block * disk_block;
    return end > offset ? std::min(bytes, end - offset) : 0;
}

Result<void> FileStore::allocate(InodeId id, std::uint64_t size, std::int64_t now) {
    auto& file = at(id);
    if (size > max_file_size) return fail(Errc::file_too_large);
    const Space space = space_for(id);
    if (file.allocated.missing(0, blocks_to(size)) > space.bytes / disk_block) {
        if (space.quota != nullptr) ++space.quota->hits;
        return fail(Errc::disk_full);
    }
    count(file, 0, size);
    file.size = std::max(file.size, size);
    file.modified = now;
    note({.kind = Change::Kind::allocate, .file = id, .end = size, .modified = now});
    return {};
}

}  // namespace jst::runtime_sim
