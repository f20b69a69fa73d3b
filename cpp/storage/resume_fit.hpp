// Which pieces of a record may still be believed, given the files as they are now.
//
// A record that does not fit the files is checked, not trusted: a piece whose files all are as they were keeps its have
// bit; one that touches a changed file is checked, whatever the record says; one that touches an absent file, or lies
// past the end of one, is missing for sure. What the record lacks and something else hints at (a journal, bytes where a
// hole would be) is checked as well. Without a record every piece whose bytes exist is checked. Pad files always
// fit. Invariant: 1. trusted and check never share a piece; 2. no clock, no disk: stamps in, bits out.
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "base/bitfield.hpp"
#include "storage/file_map.hpp"
#include "storage/resume.hpp"

namespace jst::storage {

struct Fit {
    Bitfield trusted;   // have, without reading
    Bitfield to_check;  // must be read and hashed; what is in neither is missing
    Bitfield intact;    // nothing changed in their files since
    bool fits = false;  // every file is as the record says
};

/// What the record knows; all spans empty when there is none.
struct SavedFiles {
    const Bitfield* have = nullptr;
    std::span<const FileStamp> files;
    FileStamp part_file;
    const Bitfield* hinted = nullptr;  // pieces that may be there although the record lacks them
};

/// `now`: one stamp for each file (pad files ignored). `in_parts`: files that are kept in the part file, `straightened`
/// what is not.
Fit fit_record(const FileMap& map, const SavedFiles& saved, std::span<const FileStamp> now,
               const FileStamp& part_file_now, const std::vector<bool>& in_parts,
               const Straightened& straightened = {});

/// For a record whose have bits are older than its stamps: no stamp of a file that `now` has more pieces of fits any
/// more, so that those pieces are checked and not fetched again.
void distrust_newer(const FileMap& map, const Bitfield& saved, const Bitfield& now, std::span<FileStamp> stamps,
                    FileStamp& part_file);

/// The time of a stamp that no file has: its pieces are checked.
inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

/// Files taken as complete at the user's word: every piece whose files exist with at least their size is trusted.
Bitfield trust_files(const FileMap& map, std::span<const FileStamp> now);

}  // namespace jst::storage
