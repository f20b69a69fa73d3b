// Turns the raw path components of a torrent into harmless, unique relative paths.
//
// Decides: what a name becomes on disk. A component never is "", "." or "..", holds no separator, control or bidi mark,
// is valid UTF-8, no DOS device and no part file, ends in no dot or space and fits 255 bytes. Does not know: save_path,
// the disk, FileMap. Invariants: 1. every path returned passes is_inside(); 2. paths of files on disk differ even when
// case and Unicode composition are ignored, and none is a directory of another; 3. the same input gives the same paths
// everywhere; names that need no change keep their spelling; 4. O(n log n) whatever the names (no probing from one for
// each collision).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace jst::storage {

inline constexpr std::size_t max_component_bytes = 255;
inline constexpr std::size_t max_path_levels = 64;
inline constexpr std::size_t max_relative_bytes = 2048;

struct RawFile {
    std::vector<std::string_view> components;
    /// False for what is never created (pad files, symlinks): harmless as well, but not kept unique.
    bool on_disk = true;
};

/// One component, harmless by itself. Idempotent.
std::string safe_component(std::string_view raw);

/// The relative path of each file, joined by '/'. `root` (raw, may be empty) is the directory of a multi-file torrent.
std::vector<std::string> safe_paths(std::string_view root, std::span<const RawFile> files);

/// True for a relative path of harmless components: nothing that leads out of the directory it is joined to.
bool is_inside(std::string_view relative);

/// What the user may rename a file to: is_inside() within the limits, else Errc::bad_path. "a//b" and "a/./b" are
/// refused.
Result<std::string> checked_rename(std::string_view relative);

/// Equal for paths that some file system takes for the same: case folded and decomposed.
std::string fold_path(std::string_view path);

}  // namespace jst::storage
