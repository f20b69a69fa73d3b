// What a torrent starts with: from the user, or from a record. Plain facts, checked by whoever made them.
//
// Invariant: with a metainfo there is a layout that fits it; without, there is a magnet link.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/magnet.hpp"
#include "codec/metainfo.hpp"
#include "storage/layout.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

struct TorrentSetup {
    std::shared_ptr<const codec::Metainfo> metainfo;  // none: it is to be fetched
    std::shared_ptr<const storage::Layout> layout;
    codec::Magnet magnet;                   // hashes, and a name until the metadata gives one; select_only
    std::vector<storage::FileWish> wishes;  // until the files are known
    std::string save_path;
    storage::WantedState wanted = storage::WantedState::running;
    std::optional<Bitfield> trusted;  // pieces that are taken as complete without a first check; of size 0: all
    bool sequential = false;
    std::vector<std::uint8_t> file_priorities;  // one for each file
    std::vector<std::vector<std::string>> trackers;
    std::vector<std::string> web_seeds;
    bool keeps_record = false;
    std::vector<PieceIndex> journaled;               // what the journal names
    bool has_journal = false;                        // a file of it is there
    std::unique_ptr<storage::TorrentRecord> record;  // what was saved
};

}  // namespace jst::engine
