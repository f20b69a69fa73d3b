// Which files a user wants, said before the files are known: by number, by glob, or by a magnet link (BEP 53).
//
// Globs are those of Python's fnmatch.fnmatchcase: * and ? match anything (slashes too), [ab] and [!ab] one character.
// A glob is tried on the path, on the path below the torrent's directory, and on the name alone. Later wishes win.
// Invariant: matching costs at most O(pattern * name). Knows no disk.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "codec/magnet.hpp"

namespace jst::storage {

inline constexpr std::size_t max_wishes = 1000;
inline constexpr std::size_t max_glob_bytes = 4096;

/// Of a file that is known: 0 (skip) to max_priority.
using FilePriority = std::pair<FileIndex, std::uint8_t>;

struct FileWish {
    std::optional<std::uint32_t> file;  // nothing: all files that `glob` matches
    std::string glob;
    std::uint8_t priority = 0;

    friend bool operator==(const FileWish&, const FileWish&) = default;
};

bool glob_matches(std::string_view pattern, std::string_view name);

/// One priority for each path. With a select_only list all other files are skipped, before any wish counts.
std::vector<std::uint8_t> wished_priorities(const std::vector<std::string>& paths,
                                            std::span<const codec::FileRange> select_only,
                                            std::span<const FileWish> wishes);

}  // namespace jst::storage
