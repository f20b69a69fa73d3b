// Names: paths, directories, links between names and files.
#include "runtime_sim/file_store.hpp"

#include <algorithm>
#include <deque>

namespace jst::runtime_sim {
namespace {

using runtime::FileKind;

constexpr InodeId root = 1;

struct Step {
    std::string name;
    bool trusted = true;
};

// `prefix`: that many bytes of the path are trusted; 0: all.
std::deque<Step> steps_of(std::string_view path, std::size_t prefix) {
    std::deque<Step> steps;
    std::size_t begin = 0;
    while (begin < path.size()) {
        std::size_t end = path.find('/', begin);
        if (end == std::string_view::npos) end = path.size();
        const auto name = path.substr(begin, end - begin);
        if (!name.empty() && name != ".") steps.push_back({std::string(name), prefix == 0 || end <= prefix});
        begin = end + 1;
    }
    return steps;
}

// An untrusted name may not lead elsewhere.
bool is_usable(std::string_view path, std::size_t prefix) noexcept {
    if (path.empty() || path.find('\0') != std::string_view::npos) return false;
    for (std::size_t begin = prefix; prefix != 0 && begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const auto name = path.substr(begin, end - begin);
        if (name == "." || name == "..") return false;
        begin = end + 1;
    }
    return true;
}

}  // namespace

FileStore::FileStore() {
    inodes_.emplace_back();  // 0 is none
    make(FileKind::directory, 0);
    at(root).names = at(root).durable_names = 1;
}

InodeId FileStore::make(FileKind kind, std::int64_t now) {
    auto made = std::make_unique<Inode>();
    made->kind = kind;
    made->modified = now;
    inodes_.push_back(std::move(made));
    return static_cast<InodeId>(inodes_.size() - 1);
}

Result<FileStore::Place> FileStore::find(std::string_view path, std::size_t trusted, bool follow_last) const {
    if (!is_usable(path, trusted)) return fail(Errc::bad_path);
    if (path.size() >= max_path_length) return fail(Errc::name_too_long);
    auto steps = steps_of(path, trusted);
    std::vector<InodeId> way{root};
    int followed = 0;
    while (!steps.empty()) {
        const Step step = std::move(steps.front());
        steps.pop_front();
        if (step.name == "..") {
            if (way.size() > 1) way.pop_back();
            continue;
        }
        if (step.name.size() > max_name_length) return fail(Errc::name_too_long);
        const auto& directory = at(way.back());
        const auto found = directory.children.find(step.name);
        const bool last = steps.empty();
        if (found == directory.children.end()) {
            if (last) return Place{way.back(), step.name, 0};
            return fail(Errc::not_found);
        }
        const auto& child = at(found->second);
        if (child.kind == FileKind::symlink && (!last || follow_last)) {
            if (!step.trusted || ++followed > max_symlinks_followed) return fail(Errc::symlink);
            if (child.target.starts_with('/')) way.resize(1);
            auto more = steps_of(child.target, 0);
            steps.insert(steps.begin(), more.begin(), more.end());
            continue;
        }
        if (last) return Place{way.back(), step.name, found->second};
        if (child.kind != FileKind::directory) return fail(Errc::not_directory);
        way.push_back(found->second);
    }
    return Place{way.size() > 1 ? way[way.size() - 2] : root, {}, way.back()};
}

Result<InodeId> FileStore::existing(std::string_view path, std::size_t trusted, bool follow_last) const {
    JST_TRY(place, find(path, trusted, follow_last));
    if (place.node == 0) return fail(Errc::not_found);
    return place.node;
}

// ---- links between names and files ----

void FileStore::add_name(InodeId directory, std::string_view name, InodeId child) {
    at(directory).children.emplace(std::string(name), child);
    ++at(child).names;
}

void FileStore::remove_name(InodeId directory, std::string_view name) {
    const auto found = at(directory).children.find(name);
    const InodeId child = found->second;
    at(directory).children.erase(found);
    --at(child).names;
    forget_if_unused(child);
}

void FileStore::forget_if_unused(InodeId id) {
    auto& inode = at(id);
    if (inode.names != 0 || inode.handles != 0) return;
    used_ -= inode.allocated.total() * disk_block;  // what a crash would bring back takes no space until then
    inode.allocated.clear();
    if (inode.durable_names != 0 || inode.pending != 0) return;
    forget_changes(id);
    const auto durable = std::move(inode.durable_children);
    inodes_[id].reset();
    for (const auto& [name, child] : durable) {
        --at(child).durable_names;
        forget_if_unused(child);
    }
}

void FileStore::sync_names(InodeId id) {
    auto& directory = at(id);
    const auto before = std::move(directory.durable_children);
    directory.durable_children = directory.children;
    for (const auto& [name, child] : directory.durable_children) ++at(child).durable_names;
    for (const auto& [name, child] : before) {
        --at(child).durable_names;
        forget_if_unused(child);
    }
    forget_changes(id);
}

bool FileStore::is_below(InodeId directory, InodeId node) const {
    if (directory == node) return true;
    for (const auto& [name, child] : at(directory).children)
        if (at(child).kind == FileKind::directory && is_below(child, node)) return true;
    return false;
}

// ---- operations ----

Result<InodeId> FileStore::open(std::string_view path, std::size_t trusted, runtime::OpenMode mode, std::int64_t now) {
    JST_TRY(place, find(path, trusted, true));
    if (place.node == 0) {
        if (mode != runtime::OpenMode::create) return fail(Errc::not_found);
        place.node = make(FileKind::file, now);
        add_name(place.parent, place.name, place.node);
        note_name(place.parent, place.name, place.node);
    }
    if (at(place.node).kind == FileKind::directory) return fail(Errc::is_directory);
    ++at(place.node).handles;
    return place.node;
}

Result<runtime::FileStat> FileStore::stat(std::string_view path, std::size_t trusted) const {
    JST_TRY(id, existing(path, trusted, path.ends_with("/.")));
    const auto& inode = at(id);
    return runtime::FileStat{inode.kind, inode.size, inode.modified, inode.allocated.total() * disk_block, {1, id}};
}

Result<std::vector<runtime::DirEntry>> FileStore::list(std::string_view path, std::size_t trusted) const {
    JST_TRY(id, existing(path, trusted, true));
    if (at(id).kind != FileKind::directory) return fail(Errc::not_directory);
    std::vector<runtime::DirEntry> entries;
    for (const auto& [name, child] : at(id).children) entries.push_back({name, at(child).kind});
    return entries;
}

Result<void> FileStore::mkdirs(std::string_view path, std::size_t trusted, std::int64_t now) {
    for (std::size_t end = 1; end <= path.size(); ++end) {
        if (end < path.size() && path[end] != '/') continue;
        JST_TRY(place, find(path.substr(0, end), trusted, true));
        if (place.node == 0) {
            place.node = make(FileKind::directory, now);
            add_name(place.parent, place.name, place.node);
            note_name(place.parent, place.name, place.node);
        } else if (at(place.node).kind != FileKind::directory)
            return fail(Errc::not_directory);
    }
    return {};
}

Result<void> FileStore::rename(std::string_view from, std::string_view to, std::size_t trusted) {
    JST_TRY(source, find(from, trusted, false));
    JST_TRY(target, find(to, trusted, false));
    if (source.node == 0) return fail(Errc::not_found);
    if (source.node == target.node) return {};
    if (source.name.empty() || target.name.empty()) return fail(Errc::invalid_argument);
    const bool directory = at(source.node).kind == FileKind::directory;
    if (directory && is_below(source.node, target.parent)) return fail(Errc::invalid_argument);
    if (target.node != 0) {
        const auto& replaced = at(target.node);
        if (directory && replaced.kind != FileKind::directory) return fail(Errc::not_directory);
        if (!directory && replaced.kind == FileKind::directory) return fail(Errc::is_directory);
        if (!replaced.children.empty()) return fail(Errc::not_empty);
        remove_name(target.parent, target.name);
    }
    add_name(target.parent, target.name, source.node);
    ++at(target.parent).changes;
    ++at(source.parent).changes;
    note({.names = {{target.parent, target.name, source.node}, {source.parent, source.name, 0}}});
    remove_name(source.parent, source.name);
    return {};
}

Result<void> FileStore::unlink(std::string_view path, std::size_t trusted) {
    JST_TRY(place, find(path, trusted, false));
    if (place.node == 0) return fail(Errc::not_found);
    if (at(place.node).kind == FileKind::directory) return fail(Errc::is_directory);
    remove_name(place.parent, place.name);
    note_name(place.parent, place.name, 0);
    return {};
}

Result<void> FileStore::rmdir(std::string_view path, std::size_t trusted) {
    JST_TRY(place, find(path, trusted, false));
    if (place.node == 0) return fail(Errc::not_found);
    if (at(place.node).kind != FileKind::directory) return fail(Errc::not_directory);
    if (place.name.empty()) return fail(Errc::invalid_argument);
    if (!at(place.node).children.empty()) return fail(Errc::not_empty);
    remove_name(place.parent, place.name);
    note_name(place.parent, place.name, 0);
    return {};
}

Result<void> FileStore::sync_dir(std::string_view path, std::size_t trusted) {
    JST_TRY(id, existing(path, trusted, true));
    if (at(id).kind != FileKind::directory) return fail(Errc::not_directory);
    sync_names(id);
    return {};
}

void FileStore::sync_names_above(std::string_view path) {
    for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash != 0;
         slash = path.rfind('/', slash - 1))
        if (const auto id = existing(path.substr(0, slash), 0, true)) sync_names(*id);
    sync_names(root);
}

Result<void> FileStore::unlink_durably(std::string_view path) {
    JST_TRY(place, find(path, 0, false));
    JST_TRY_VOID(unlink(path, 0));
    log_.back().always = true;
    auto& durable = at(place.parent).durable_children;
    const auto found = durable.find(place.name);
    if (found == durable.end()) return {};
    const InodeId child = found->second;
    durable.erase(found);
    --at(child).durable_names;
    forget_if_unused(child);
    return {};
}

Result<void> FileStore::symlink(std::string_view path, std::string_view target) {
    JST_TRY(place, find(path, 0, false));
    if (place.node != 0) return fail(Errc::exists);
    const InodeId made = make(FileKind::symlink, 0);
    at(made).target = target;
    add_name(place.parent, place.name, made);
    note_name(place.parent, place.name, made);
    return {};
}

}  // namespace jst::runtime_sim
