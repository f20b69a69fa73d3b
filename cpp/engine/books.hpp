// What a torrent knows of its own files and records: its journal, which record is the last, what the first look found.
//
// A plain value of the torrent. Does not know have bits. Invariant: 1. hints and intact are about the files as they
// were when they were looked at first.
#pragma once

#include <memory>
#include <vector>

#include "base/rare.hpp"
#include "engine/file_sweeps.hpp"
#include "engine/journal.hpp"
#include "engine/torrent_setup.hpp"
#include "storage/resume.hpp"
#include "storage/resume_fit.hpp"

namespace jst::engine {

/// Pieces that were good and durable, with their files as they were then.
struct Proven {
    Bitfield have;
    std::vector<storage::FileStamp> files;
    storage::FileStamp part_file;

    /// Somebody else changed a file since, or took one away.
    bool is_outdated(const FileStore& store, std::span<const storage::FileStamp> now) const {
        for (FileIndex file; file.value < files.size() && file.value < now.size(); ++file) {
            const storage::FileStamp& found = now[file.value];
            if (!found.exists && store.exists(file)) return true;
            if (found != files[file.value] && !store.is_ahead(file)) return true;
        }
        return false;
    }
    /// Nobody looked into a file that changed and that we did not write to: it keeps its old stamp, so that the next
    /// look finds it changed.
    void keep_strange(const FileStore& store, std::span<storage::FileStamp> now) const {
        for (FileIndex file; file.value < files.size() && file.value < now.size(); ++file)
            if (!store.is_ahead(file) && files[file.value].mtime_ns != storage::never)
                now[file.value] = files[file.value];
    }
};

/// Files that nobody had open for so long are looked at before they are used again.
inline constexpr Duration unwatched_after = seconds(1);

struct Books {
    Books(runtime::Disk& disk, const runtime::Tag& tag, TorrentSetup& setup)
        : journal(setup.keeps_record ? std::make_unique<Journal>(disk, tag) : nullptr),
          journaled(std::move(setup.journaled)),
          trusted(setup.trusted ? std::make_unique<Bitfield>(std::move(*setup.trusted)) : nullptr),
          has_journal(setup.has_journal) {}

    std::unique_ptr<Journal> journal;         // where there is a record
    Rare<std::vector<PieceIndex>> journaled;  // at the start, until the files were looked at
    std::unique_ptr<Bitfield> trusted;        // pieces taken at the user's word, until then
    bool has_journal;                         // a file of it was there
    bool looked = false;                      // at the files, since this session knows the torrent
    bool check_all = false;                   // asked for by the user
    Time closed_since;                        // while it is ready and has no network
    Rare<Bitfield> found;                     // by the running check
    Proven proven;                            // when it was looked at, or saved last
    Rare<Bitfield> lost;        // pieces that a disk may have thrown away although it shows them; empty: none
    Rare<Bitfield> intact;      // pieces whose files were as the record says, until they are taken over
    std::uint64_t epoch = 0;    // of the last record
    std::uint64_t sent = 0;     // payload, as the last record says
    bool saving = false;        // its files are being synced and looked at for the record
    bool says_writing = false;  // it says that there may be more than it knows

    /// What may only seem to be there is neither trusted nor checked: it is fetched again.
    void drop_lost(storage::Fit& fit) const {
        remove_lost(fit.trusted);
        remove_lost(fit.to_check);
    }
    void remove_lost(Bitfield& from) const {
        for (PieceIndex p = lost->next_set(PieceIndex{}); p.value < lost->size();
             p = lost->next_set(PieceIndex{p.value + 1}))
            from.clear(p);
    }

    /// Pieces that may be there although the record lacks them: those of the journal, and, when the record was made
    /// while files could be written to, those whose bytes are on disk.
    Bitfield hints(const storage::TorrentRecord* record, const StatSweep& look, std::uint32_t pieces) const {
        Bitfield hinted = record != nullptr && record->writing ? look.on_disk() : Bitfield(pieces);
        for (const PieceIndex piece : *journaled) hinted.set(piece);
        return hinted;
    }
};

}  // namespace jst::engine
