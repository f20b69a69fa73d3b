#include "engine/rivals.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/torrent.hpp"

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
        if (files.layout().files[file.value].on_disk && files.map().file_size(file) > 0) paths.emplace_back(files.path_of(file), file);
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

std::string_view root_of(FileStore& files) { return files.num_files() == 0 ? "" : first_of(files.layout().files[0].path); }

/// What its paths begin with: as long as nobody renames files, that is one name.
std::vector<std::string_view> roots_of(Torrent& torrent) {
    std::vector<std::string_view> roots{root_of(torrent.files())};
    for (const auto& [file, path] : torrent.moves().renamed)
        if (first_of(path) != roots.back()) roots.push_back(first_of(path));
    return roots;
}

bool may_meet(std::span<const std::string_view> roots, Torrent& torrent, Torrent& other) {
    if (torrent.save_path() != other.save_path()) return false;
    const auto theirs = roots_of(other);
    return std::find_first_of(roots.begin(), roots.end(), theirs.begin(), theirs.end()) != roots.end();
}

}  // namespace

std::vector<bool> files_of_others(Core& core, Torrent& torrent, Shared shared) {
    const auto roots = roots_of(torrent);
    std::optional<Paths> ours;
    std::vector<bool> flags;
    core.torrents.each([&](TorrentKey, const std::unique_ptr<Torrent>& other) {
        if (other.get() == &torrent || other->is_removed() || !may_meet(roots, torrent, *other)) return;
        if (!ours) ours = paths_of(torrent.files());
        const auto found = matches(*ours, torrent, *other);
        const bool are_kin = std::any_of(found.begin(), found.end(), [&](const Match& match) { return has_some(torrent, match.ours); });
        for (const auto& [file, is_held] : found) {
            const bool means_the_same = has_some(torrent, file) || (are_kin && !can_be_told(torrent.files(), file));
            if (!is_held || (shared == Shared::ours && means_the_same)) continue;
            flags.resize(torrent.files().num_files());
            flags[file.value] = true;
        }
    });
    return flags;
}

std::optional<FileIndex> contested_file(Core& core, Torrent& torrent, std::span<const std::uint8_t> priorities) {
    const auto others = files_of_others(core, torrent, Shared::ours);
    for (FileIndex file; file.value < others.size(); ++file)
        if (others[file.value] && priorities[file.value] > 0) return file;
    return std::nullopt;
}

}  // namespace jst::engine
