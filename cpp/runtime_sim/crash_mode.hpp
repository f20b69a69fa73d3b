// What a disk keeps when its node is abandoned.
#pragma once

#include <cstdint>

namespace jst::runtime_sim {

/// A crash is cut at sectors: each is kept whole or not at all.
inline constexpr std::uint64_t disk_sector = 512;

enum class CrashMode : std::uint8_t {
    clean,           // everything, as after the end of the process alone
    drop_all,        // nothing since the last sync: of a file its contents, of a directory its names
    keep_prefix,     // that, and the first n changes since, in the order in which they were made
    torn_512,        // the same, but the last of them, when it is a write, ends at a sector
    metadata_first,  // names and sizes as they were last; bytes that were not synced read as zeros
    random,          // the first n names; of each file its size or not, and each sector or not
};

}  // namespace jst::runtime_sim
