// Files that a torrent of the session may not touch: the session's own, and those of another torrent.
//
// A file belongs to the torrent that came first, and to each that has pieces of it: who found pieces of its own there
// means the same bytes. Another one would spoil what they have, so it does not write there, and moves or deletes
// nothing of it. What is in the state_dir is believed, so no torrent writes there, wherever its save_path is. Does not
// know files of other sessions, of torrents with another save_path, nor links.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/slot_map.hpp"

namespace jst::engine {

class Core;
class Torrent;

/// Where torrents lie or once lay: who may have a file in common is found without a look at each of thousands.
class Places {
  public:
    /// To be called when its metadata, its save_path or a name of its files is new.
    void note(Torrent& torrent);
    void forget(TorrentKey torrent);
    /// Others that have or had a root in common with it, each once.
    std::vector<TorrentKey> near(Torrent& torrent) const;

  private:
    std::vector<std::pair<std::uint64_t, TorrentKey>> known_;  // by a hash of save_path and root, sorted
};

/// Whose a file is in which this torrent and another have pieces.
enum class Shared : bool { ours, others };

/// One flag for each file of `torrent` that is another's; empty: none is.
std::vector<bool> files_of_others(Core& core, Torrent& torrent, Shared shared);

/// The first wanted file that is another's. To be asked when the torrent knows its pieces, or wants more files.
std::optional<FileIndex> contested_file(Core& core, Torrent& torrent, std::span<const std::uint8_t> priorities);

/// A file that would be a record, a journal or the lock of the session, with the torrent at this save_path.
std::optional<FileIndex> reserved_file(Torrent& torrent, const std::string& save_path, const std::string& state_dir);
/// The same for one file of that name.
bool is_reserved(const std::string& save_path, std::string_view name, const std::string& state_dir);

}  // namespace jst::engine
