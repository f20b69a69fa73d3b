// Contents: reading and writing open files, and what of them is durable.
#include <algorithm>

#include "runtime_sim/file_store.hpp"

namespace jst::runtime_sim {
namespace {

std::uint64_t blocks_to(std::uint64_t end) noexcept { return (end + disk_block - 1) / disk_block; }

std::uint64_t size_of(std::span<const Bytes> spans) noexcept {
    std::uint64_t total = 0;
    for (const auto& span : spans) total += span.size();
    return total;
}

}  // namespace

void FileStore::release(InodeId file) {
    --at(file).handles;
    forget_if_unused(file);
}

std::uint64_t FileStore::size(InodeId file) const { return at(file).size; }

bool FileStore::lock(InodeId file) {
    if (at(file).locked) return false;
    at(file).locked = true;
    return true;
}

void FileStore::unlock(InodeId file) { at(file).locked = false; }

std::uint64_t FileStore::read(InodeId id, std::uint64_t offset, std::span<const MutableBytes> into) const {
    const auto& file = at(id);
    std::uint64_t done = 0;
    for (const auto& span : into) {
        const std::uint64_t from = offset + done;
        if (from >= file.size) break;
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(span.size(), file.size - from));
        file.bytes.read(from, span.first(part));
        done += part;
    }
    return done;
}

Result<std::vector<runtime::FileRange>> FileStore::extents(std::string_view path, std::size_t trusted,
                                                           std::uint64_t from) const {
    JST_TRY(id, existing(path, trusted, true));
    const auto& file = at(id);
    if (file.kind == runtime::FileKind::directory) return fail(Errc::is_directory);
    std::vector<runtime::FileRange> found;
    for (const auto& [first, last] : file.written.ranges()) {
        const std::uint64_t begin = std::max(from, first * disk_block);
        std::uint64_t end = std::min(file.size, last * disk_block);
        if (found.size() + 1 == runtime::max_extents) end = file.size;
        if (begin < end) found.push_back({begin, end});
        if (found.size() == runtime::max_extents) break;
    }
    return found;
}

Written FileStore::write(InodeId id, std::uint64_t offset, std::span<const Bytes> from, std::int64_t now) {
    auto& file = at(id);
    const std::uint64_t wanted = size_of(from);
    if (offset > max_file_size || wanted > max_file_size - offset) return {0, Errc::file_too_large};
    const std::uint64_t room = room_for(id, offset, wanted);
    std::uint64_t done = 0;
    for (const auto& span : from) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(span.size(), room - done));
        file.bytes.write(offset + done, span.first(part));
        done += part;
    }
    if (done != 0) {
        count(file, offset, offset + done);
        file.written.insert(offset / disk_block, blocks_to(offset + done));
        file.dirty.insert(offset, offset + done);
        file.size = std::max(file.size, offset + done);
        file.modified = now;
        auto& change =
            note({.kind = Change::Kind::write, .file = id, .begin = offset, .end = offset + done, .modified = now});
        change.bytes.share(file.bytes, offset, offset + done);
    }
    return {done, done == wanted ? Errc::ok : Errc::disk_full};
}

Result<void> FileStore::truncate(InodeId id, std::uint64_t size, std::int64_t now) {
    auto& file = at(id);
    if (size > max_file_size) return fail(Errc::file_too_large);
    if (size < file.size) {
        file.dirty.insert(size, file.size);
        file.bytes.truncate(size);
        const std::uint64_t before = file.allocated.total();
        file.allocated.erase_from(blocks_to(size));
        file.written.erase_from(blocks_to(size));
        used_ -= (before - file.allocated.total()) * disk_block;
    }
    file.size = size;
    file.modified = now;
    note({.kind = Change::Kind::truncate, .file = id, .begin = size, .modified = now});
    return {};
}

// ---- what is durable ----

void FileStore::sync_file(InodeId id) {
    auto& file = at(id);
    for (const auto& [begin, end] : file.dirty.ranges()) file.durable_bytes.share(file.bytes, begin, end);
    file.dirty.clear();
    file.durable_size = file.size;
    file.durable_modified = file.modified;
    file.durable_allocated = file.allocated;
    file.durable_written = file.written;
    forget_changes(id);
}

void FileStore::make_durable(InodeId id, std::uint64_t offset, Bytes bytes) {
    auto& file = at(id);
    file.durable_bytes.write(offset, bytes);
    file.durable_size = std::max(file.durable_size, offset + bytes.size());
    file.durable_modified = file.modified;
    file.durable_allocated.insert(offset / disk_block, blocks_to(offset + bytes.size()));
    file.durable_written.insert(offset / disk_block, blocks_to(offset + bytes.size()));
    if (!bytes.empty() && !log_.empty() && log_.back().file == id) log_.back().always = true;
}

// Durable names lead there, as they would after a crash; links are not followed.
Result<ByteVector> FileStore::durable(std::string_view path) const {
    InodeId id = 1;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        const auto name = path.substr(0, end);
        path.remove_prefix(std::min(end + 1, path.size()));
        if (name.empty()) continue;
        const auto found = at(id).durable_children.find(name);
        if (found == at(id).durable_children.end()) return fail(Errc::not_found);
        id = found->second;
    }
    const auto& file = at(id);
    if (file.kind != runtime::FileKind::file) return fail(Errc::not_a_file);
    ByteVector bytes(static_cast<std::size_t>(file.durable_size));
    file.durable_bytes.read(0, bytes);
    return bytes;
}

void FileStore::release_all() {
    for (InodeId id = 1; id < inodes_.size(); ++id) {
        if (!inodes_[id]) continue;
        at(id).handles = 0;
        at(id).locked = false;
        forget_if_unused(id);
    }
}

}  // namespace jst::runtime_sim
