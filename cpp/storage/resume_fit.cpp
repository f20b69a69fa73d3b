#include "storage/resume_fit.hpp"

#include <algorithm>

namespace jst::storage {
namespace {

enum class FileFit : std::uint8_t { same, changed, absent };  // from best to worst

FileFit compare(const FileStamp* saved, const FileStamp& now) {
    if (!now.exists) return FileFit::absent;
    return saved != nullptr && *saved == now ? FileFit::same : FileFit::changed;
}

/// What is known of each file, and of the part file.
struct Judgement {
    const FileMap& map;
    std::span<const FileStamp> now;
    const std::vector<bool>& in_parts;
    const Straightened& straightened;
    std::vector<FileFit> files;
    FileFit parts;
    std::vector<bool> changed;  // since the record was made
    bool parts_changed = false;

    bool in_part_file(const FileSlice& slice, PieceIndex piece, std::size_t sharers) const {
        const std::uint32_t file = slice.file.value;
        return sharers > 1 && file < in_parts.size() && in_parts[file] && !straightened.contains({file, piece.value});
    }
    FileFit of(const FileSlice& slice, PieceIndex piece, std::size_t sharers) const {
        // The part file is sparse and ends anywhere: that it is there is all that can be said.
        if (in_part_file(slice, piece, sharers)) return parts;
        const FileFit fit = files[slice.file.value];
        if (fit == FileFit::absent || now[slice.file.value].size < slice.offset + slice.length) return FileFit::absent;
        return fit;
    }
};

bool is_intact(const Judgement& judge, PieceIndex piece, std::span<const FileSlice> slices) {
    return std::none_of(slices.begin(), slices.end(), [&](const FileSlice& slice) {
        return judge.in_part_file(slice, piece, slices.size()) ? judge.parts_changed : judge.changed[slice.file.value];
    });
}

FileFit worse(FileFit a, FileFit b) { return a < b ? b : a; }

FileFit piece_fit(const Judgement& judge, PieceIndex piece, std::vector<FileSlice>& slices) {
    slices.clear();
    judge.map.each_slice(piece, 0, judge.map.piece_size(piece), [&](const FileSlice& slice) {
        if (!slice.is_pad) slices.push_back(slice);
    });
    FileFit fit = FileFit::same;
    for (const auto& slice : slices) fit = worse(fit, judge.of(slice, piece, slices.size()));
    return fit;
}

}  // namespace

Fit fit_record(const FileMap& map, const SavedFiles& saved, std::span<const FileStamp> now,
               const FileStamp& part_file_now, const std::vector<bool>& in_parts, const Straightened& straightened) {
    const std::uint32_t count = map.num_pieces();
    const bool usable = saved.have != nullptr && saved.have->size() == count;
    Fit fit{Bitfield(count), Bitfield(count), Bitfield(count), usable};
    const FileStamp* const parts_then = saved.files.empty() ? nullptr : &saved.part_file;
    Judgement judge{map,
                    now,
                    in_parts,
                    straightened,
                    std::vector<FileFit>(map.num_files()),
                    compare(parts_then, part_file_now),
                    std::vector<bool>(map.num_files())};
    judge.parts_changed = parts_then == nullptr || *parts_then != part_file_now;
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        if (map.is_pad(FileIndex{f})) continue;
        const FileStamp* const before = f < saved.files.size() ? &saved.files[f] : nullptr;
        const FileStamp after = f < now.size() ? now[f] : FileStamp{};
        judge.files[f] = compare(before, after);
        judge.changed[f] = before == nullptr || *before != after;
        if (judge.changed[f]) fit.fits = false;
    }
    std::vector<FileSlice> slices;
    for (PieceIndex p; p.value < count; ++p) {
        const FileFit found = piece_fit(judge, p, slices);
        if (is_intact(judge, p, slices)) fit.intact.set(p);
        if (found == FileFit::absent) continue;
        if (found == FileFit::changed || !usable) {
            fit.to_check.set(p);
        } else if ((*saved.have)[p]) {
            fit.trusted.set(p);
        } else if (saved.hinted != nullptr && (*saved.hinted)[p]) {
            fit.to_check.set(p);
        }
    }
    return fit;
}

void distrust_newer(const FileMap& map, const Bitfield& saved, const Bitfield& now, std::span<FileStamp> stamps,
                    FileStamp& part_file) {
    for (PieceIndex p = now.next_set(PieceIndex{}); p.value < now.size(); p = now.next_set(PieceIndex{p.value + 1})) {
        if (saved[p]) continue;
        part_file.mtime_ns = never;
        map.each_slice(p, 0, map.piece_size(p), [&](const FileSlice& slice) {
            if (slice.file.value < stamps.size()) stamps[slice.file.value].mtime_ns = never;
        });
    }
}

Bitfield trust_files(const FileMap& map, std::span<const FileStamp> now) {
    return fit_record(map, {}, now, {}, {}).to_check;
}

}  // namespace jst::storage
