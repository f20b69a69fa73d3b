#include "engine/rivals.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/torrent.hpp"
#include "storage/safe_path.hpp"

namespace jst::engine {
namespace {

using Paths = std::vector<std::pair<std::string, FileIndex>>;

bool has_some(Torrent& torrent, FileIndex file) {
    const auto range = torrent.files().map().pieces_of(file);
    return torrent.knows_pieces() && torrent.have().next_set(range.first) < range.last;
}

/// A piece lies in it and in no other file: what it holds can be told.
bool can_be_told(FileStore& files, FileIndex file) {
    const std::uint64_t length = files.map().piece_length();
    const std::uint64_t begin = files.map().file_offset(file);
    return (begin + length - 1) / length < (begin + files.map().file_size(file)) / length;
}

/// By path. An empty file has nothing to spoil.
Paths paths_of(FileStore& files) {
    Paths paths;
    for (FileIndex file; file.value < files.num_files(); ++file)
        if (files.layout().files[file.value].on_disk && files.map().file_size(file) > 0)
            paths.emplace_back(files.path_of(file), file);
    std::sort(paths.begin(), paths.end());
    return paths;
}

struct Match {
    FileIndex ours;
    bool is_held = false;  // by the other
};

std::vector<Match> matches(const Paths& ours, Torrent& torrent, Torrent& other) {
    std::vector<Match> found;
    for (const auto& [path, file] : paths_of(other.files())) {
        const auto same = std::lower_bound(ours.begin(), ours.end(), std::pair(path, FileIndex{}));
        if (same == ours.end() || same->first != path) continue;
        found.push_back({same->second, other.number() < torrent.number() || has_some(other, file)});
    }
    return found;
}

std::string_view first_of(std::string_view path) { return path.substr(0, path.find('/')); }

std::string_view root_of(FileStore& files) {
    return files.num_files() == 0 ? "" : first_of(files.layout().files[0].path);
}

/// What its paths begin with: as long as nobody renames files, that is one name.
std::vector<std::string_view> roots_of(Torrent& torrent) {
    std::vector<std::string_view> roots{root_of(torrent.files())};
    for (const auto& [file, path] : torrent.moves().renamed)
        if (first_of(path) != roots.back()) roots.push_back(first_of(path));
    return roots;
}

std::string below(const std::string& save_path, std::string_view name) {
    return (save_path == "/" ? "" : save_path) + '/' + std::string(name);
}

std::uint64_t place_of(Torrent& torrent, std::string_view root) {
    return std::hash<std::string>{}(below(torrent.save_path(), root));
}

bool may_meet(std::span<const std::string_view> roots, Torrent& torrent, Torrent& other) {
    if (torrent.save_path() != other.save_path()) return false;
    const auto theirs = roots_of(other);
    return std::find_first_of(roots.begin(), roots.end(), theirs.begin(), theirs.end()) != roots.end();
}

bool is_at_or_below(std::string_view path, std::string_view dir) {
    return path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/');
}

/// Some disks take names that differ in case for the same.
bool is_in_records(const std::string& path, const std::string& folded_dir) {
    const std::string folded = storage::fold_path(path);
    if (!is_at_or_below(folded, folded_dir) || folded.size() == folded_dir.size()) return false;
    const auto name = std::string_view(folded).substr(folded_dir.size() + 1);
    return name == "lock" || name.starts_with("session.jst") || is_at_or_below(name, "torrents");
}

}  // namespace

void Places::note(Torrent& torrent) {
    for (const auto root : roots_of(torrent)) {
        const std::pair entry(place_of(torrent, root), torrent.key());
        const auto at = std::lower_bound(known_.begin(), known_.end(), entry);
        if (at == known_.end() || *at != entry) known_.insert(at, entry);
    }
}

void Places::forget(TorrentKey torrent) {
    std::erase_if(known_, [&](const auto& entry) { return entry.second == torrent; });
}

std::vector<TorrentKey> Places::near(Torrent& torrent) const {
    std::vector<TorrentKey> found;
    for (const auto root : roots_of(torrent)) {
        const std::uint64_t place = place_of(torrent, root);
        auto at = std::lower_bound(known_.begin(), known_.end(), std::pair(place, TorrentKey{}));
        for (; at != known_.end() && at->first == place; ++at)
            if (at->second != torrent.key()) found.push_back(at->second);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::optional<FileIndex> reserved_file(Torrent& torrent, const std::string& save_path, const std::string& state_dir) {
    FileStore& files = torrent.files();
    const bool is_near =
        is_at_or_below(state_dir, save_path) || is_at_or_below(save_path, state_dir) || save_path == "/";
    if (!is_near || files.num_files() == 0) return std::nullopt;
    const std::string dir = storage::fold_path(state_dir);
    const std::string root = below(save_path, root_of(files));
    const bool meets = is_at_or_below(dir, storage::fold_path(root)) || is_in_records(root, dir);
    if (!meets && torrent.moves().renamed.empty()) return std::nullopt;
    for (FileIndex file; file.value < files.num_files(); ++file)
        if (files.layout().files[file.value].on_disk && is_in_records(below(save_path, files.relative_path(file)), dir))
            return file;
    return std::nullopt;
}

bool is_reserved(const std::string& save_path, std::string_view name, const std::string& state_dir) {
    return is_in_records(below(save_path, name), storage::fold_path(state_dir));
}

std::vector<bool> files_of_others(Core& core, Torrent& torrent, Shared shared) {
    const auto roots = roots_of(torrent);
    std::optional<Paths> ours;
    std::vector<bool> flags;
    for (const TorrentKey key : core.places.near(torrent)) {
        Torrent* const other = core.torrent(key);
        if (other == nullptr || other->is_removed() || !may_meet(roots, torrent, *other)) continue;
        if (!ours) ours = paths_of(torrent.files());
        const auto found = matches(*ours, torrent, *other);
        const bool are_kin =
            std::any_of(found.begin(), found.end(), [&](const Match& match) { return has_some(torrent, match.ours); });
        for (const auto& [file, is_held] : found) {
            const bool means_the_same = has_some(torrent, file) || (are_kin && !can_be_told(torrent.files(), file));
            if (!is_held || (shared == Shared::ours && means_the_same)) continue;
            flags.resize(torrent.files().num_files());
            flags[file.value] = true;
        }
    }
    return flags;
}

std::optional<FileIndex> contested_file(Core& core, Torrent& torrent, std::span<const std::uint8_t> priorities) {
    const auto others = files_of_others(core, torrent, Shared::ours);
    for (FileIndex file; file.value < others.size(); ++file)
        if (others[file.value] && priorities[file.value] > 0) return file;
    return std::nullopt;
}

}  // namespace jst::engine
