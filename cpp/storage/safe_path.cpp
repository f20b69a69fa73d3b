#include "storage/safe_path.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.hpp"
#include "base/prng.hpp"
#include "storage/part_file.hpp"
#include "storage/unicode.hpp"

namespace jst::storage {
namespace {

constexpr char replacement = '_';
constexpr std::size_t max_extension_bytes = 32;
// " (4194304)" and some air: what making a name unique may add.
constexpr std::size_t suffix_bytes = 16;

bool harmful(char32_t c) noexcept {
    if (c < 0x20 || c == '/' || c == '\\' || (c >= 0x7F && c <= 0x9F)) return true;
    if (c < 0x61C) return false;
    return c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x206F) ||
           c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
}

std::string repaired(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        const auto c = next_code_point(raw, at);
        if (!c || harmful(*c)) {
            out.push_back(replacement);
        } else {
            append_utf8(out, *c);
        }
    }
    return out;
}

void strip_end(std::string& name) {
    while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.pop_back();
    if (name.empty()) name.push_back(replacement);
}

/// Where the extension starts, its dot included; the end of the name when there is none worth keeping.
std::size_t extension_at(std::string_view name) noexcept {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > max_extension_bytes) return name.size();
    return dot;
}

void shorten(std::string& name, std::size_t limit) {
    if (name.size() <= limit) return;
    const std::size_t dot = extension_at(name);
    const std::string extension = name.substr(dot);
    name = std::string(utf8_prefix(std::string_view(name).substr(0, dot), limit - extension.size())) + extension;
    strip_end(name);
}

bool is_drive(std::string_view name) noexcept {
    return name.size() >= 2 && name[1] == ':' && ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z');
}

/// A device of DOS, which Windows opens whatever the directory and the extension are.
bool is_device(std::string_view name) {
    std::string stem(name.substr(0, name.find('.')));
    while (!stem.empty() && stem.back() == ' ') stem.pop_back();
    for (char& c : stem) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    constexpr std::array<std::string_view, 7> plain = {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"};
    if (std::find(plain.begin(), plain.end(), stem) != plain.end()) return true;
    if (!stem.starts_with("com") && !stem.starts_with("lpt")) return false;
    const std::string_view digit = std::string_view(stem).substr(3);
    if (digit.size() == 1) return digit[0] >= '0' && digit[0] <= '9';
    return digit == "\u00b9" || digit == "\u00b2" || digit == "\u00b3";
}

std::string joined(std::span<const std::string> parts) {
    std::string out;
    for (const auto& part : parts) {
        if (!out.empty()) out.push_back('/');
        out += part;
    }
    return out;
}

/// The directories that do not fit, by depth or by bytes, become one that is named by what it stands for.
void fold_depth(std::vector<std::string>& parts) {
    constexpr std::size_t stand_in = 1 + 16;  // "_" and a hash
    std::size_t total = suffix_bytes;
    for (const auto& part : parts) total += part.size() + 1;
    if (parts.size() <= max_path_levels && total <= max_relative_bytes) return;
    std::size_t kept = 0;
    std::size_t used = suffix_bytes + parts.back().size() + 1 + stand_in + 1;
    while (kept + 2 < max_path_levels && kept + 1 < parts.size() &&
           used + parts[kept].size() + 1 <= max_relative_bytes) {
        used += parts[kept++].size() + 1;
    }
    const auto dropped = std::span(parts).subspan(kept, parts.size() - 1 - kept);
    std::array<Byte, 8> hash;
    store_be(hash.data(), name_hash(joined(dropped)));
    std::string name = std::string(1, replacement) + to_hex(hash);
    std::string last = std::move(parts.back());
    parts.resize(kept);
    parts.push_back(std::move(name));
    parts.push_back(std::move(last));
}

/// Gives each file its path, and a number to those that some file system would take for another.
class Namer {
  public:
    std::vector<std::string> name_all(std::string_view root, std::span<const RawFile> files) {
        paths_.reserve(files.size());
        for (const RawFile& file : files) add(root, file);
        std::sort(entries_.begin(), entries_.end(), before);
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const bool again = i > 0 && same(entries_[i - 1], entries_[i]);
            if (again || dirs_.contains({entries_[i].dir, entries_[i].key})) losers_.push_back(i);
        }
        // By file, so that numbers follow the order of the torrent.
        std::sort(losers_.begin(), losers_.end(),
                  [&](std::size_t a, std::size_t b) { return entries_[a].file < entries_[b].file; });
        for (const std::size_t i : losers_) rename(entries_[i]);
        return std::move(paths_);
    }

  private:
    using Name = std::pair<std::uint32_t, std::string>;  // directory, folded name
    struct Entry {
        std::uint32_t dir;
        std::uint32_t file;
        std::string key;
    };

    static bool same(const Entry& a, const Entry& b) { return a.dir == b.dir && a.key == b.key; }
    static bool before(const Entry& a, const Entry& b) {
        if (a.dir != b.dir) return a.dir < b.dir;
        const int order = a.key.compare(b.key);
        return order != 0 ? order < 0 : a.file < b.file;
    }

    void add(std::string_view root, const RawFile& file) {
        std::vector<std::string> parts;
        parts.reserve(file.components.size() + 1);
        if (!root.empty()) parts.push_back(safe_component(root));
        for (const auto raw : file.components) parts.push_back(safe_component(raw));
        if (file.components.empty()) parts.emplace_back(1, replacement);
        fold_depth(parts);
        const auto number = static_cast<std::uint32_t>(paths_.size());
        paths_.push_back(joined(parts));
        if (!file.on_disk) return;
        std::string name = std::move(parts.back());
        parts.pop_back();
        entries_.push_back({directory(std::move(parts)), number, fold_path(name)});
    }

    std::uint32_t directory(std::vector<std::string> parts) {
        if (!entries_.empty() && parts == last_parts_) return last_dir_;
        std::uint32_t dir = 0;
        for (const auto& part : parts) {
            const auto next = static_cast<std::uint32_t>(dirs_.size() + 1);
            dir = dirs_.try_emplace({dir, fold_path(part)}, next).first->second;
        }
        last_parts_ = std::move(parts);
        return last_dir_ = dir;
    }

    bool is_taken(const Name& name) const {
        const auto found = std::lower_bound(entries_.begin(), entries_.end(), name, [](const Entry& e, const Name& n) {
            return e.dir != n.first ? e.dir < n.first : e.key < n.second;
        });
        const bool original = found != entries_.end() && found->dir == name.first && found->key == name.second;
        return original || dirs_.contains(name) || given_.contains(name);
    }

    void rename(const Entry& entry) {
        std::string& path = paths_[entry.file];
        const std::size_t start = path.rfind('/') + 1;  // 0 when there is none
        const std::string_view name = std::string_view(path).substr(start);
        const std::size_t dot = extension_at(name);
        const std::string extension(name.substr(dot));
        const std::string stem(utf8_prefix(name.substr(0, dot), max_component_bytes - suffix_bytes - extension.size()));
        // One counter for each stem and extension: a number that was taken once is never tried again.
        std::uint32_t& counter = counters_[{entry.dir, fold_path(stem) + '\0' + fold_path(extension)}];
        if (counter == 0) counter = 1;
        for (;;) {
            const std::string wanted = stem + " (" + std::to_string(++counter) + ")" + extension;
            Name key{entry.dir, fold_path(wanted)};
            if (is_taken(key)) continue;
            given_.insert(std::move(key));
            path.replace(start, std::string::npos, wanted);
            return;
        }
    }

    std::vector<std::string> paths_;
    std::vector<Entry> entries_;
    std::vector<std::size_t> losers_;
    std::map<Name, std::uint32_t> dirs_;  // to the directory's number; 0 is the top
    std::set<Name> given_;
    std::map<Name, std::uint32_t> counters_;
    std::vector<std::string> last_parts_;
    std::uint32_t last_dir_ = 0;
};

}  // namespace

std::string safe_component(std::string_view raw) {
    std::string name = repaired(raw);
    strip_end(name);
    if (is_drive(name)) name[1] = replacement;
    shorten(name, max_component_bytes);
    if (is_device(name) || PartFile::is_name(name)) {
        name.insert(name.begin(), replacement);
        shorten(name, max_component_bytes);
    }
    return name;
}

std::vector<std::string> safe_paths(std::string_view root, std::span<const RawFile> files) {
    return Namer().name_all(root, files);
}

bool is_inside(std::string_view relative) {
    if (relative.empty() || relative.size() > max_relative_bytes) return false;
    std::size_t levels = 0;
    for (std::size_t at = 0; at <= relative.size();) {
        const std::size_t end = std::min(relative.find('/', at), relative.size());
        const std::string_view part = relative.substr(at, end - at);
        if (++levels > max_path_levels || part.size() > max_component_bytes || safe_component(part) != part)
            return false;
        at = end + 1;
    }
    return true;
}

Result<std::string> checked_rename(std::string_view relative) {
    if (!is_inside(relative)) return fail(Errc::bad_path);
    return std::string(relative);
}

std::string fold_path(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t before = at;
        if (const auto c = next_code_point(path, at)) {
            append_folded(out, *c);
        } else {
            out.push_back(path[before]);
        }
    }
    return out;
}

}  // namespace jst::storage
