#include "storage/resume_fit.hpp"

namespace jst::storage {
namespace {

enum class FileFit : std::uint8_t { same, changed, absent };

FileFit compare(const FileStamp* saved, const FileStamp& now) {
    if (!now.exists) return FileFit::absent;
    return saved != nullptr && *saved == now ? FileFit::same : FileFit::changed;
}

/// What is known of each file, and of the part file as the last one.
struct Judgement {
    const FileMap& map;
    const SavedFiles& saved;
    std::span<const FileStamp> now;
    const FileStamp& part_now;
    const std::vector<bool>& in_parts;

    bool parted(std::uint32_t file) const { return file < in_parts.size() && in_parts[file]; }
    FileFit file(std::uint32_t index) const {
        if (parted(index)) return compare(saved.files.empty() ? nullptr : &saved.part_file, part_now);
        if (index >= now.size()) return FileFit::absent;
        return compare(index < saved.files.size() ? &saved.files[index] : nullptr, now[index]);
    }
    bool holds(const FileSlice& slice) const {
        // The part file is sparse and ends anywhere: that it is there is all that can be said.
        return parted(slice.file.value) || now[slice.file.value].size >= slice.offset + slice.length;
    }
};

}  // namespace

Fit fit_record(const FileMap& map, const SavedFiles& saved, std::span<const FileStamp> now, const FileStamp& part_file_now,
               const std::vector<bool>& in_parts) {
    const std::uint32_t count = map.num_pieces();
    const Judgement judge{map, saved, now, part_file_now, in_parts};
    const bool usable = saved.have != nullptr && saved.have->size() == count;
    Fit fit{Bitfield(count), Bitfield(count), usable};
    std::vector<FileFit> files(map.num_files());
    for (std::uint32_t f = 0; f < map.num_files(); ++f) {
        const FileIndex index{f};
        files[f] = map.is_pad(index) ? FileFit::same : judge.file(f);
        if (map.is_pad(index) || judge.parted(f)) continue;
        const FileStamp before = f < saved.files.size() ? saved.files[f] : FileStamp{};
        const FileStamp after = f < now.size() ? now[f] : FileStamp{};
        if (before != after) fit.fits = false;
    }
    for (PieceIndex p; p.value < count; ++p) {
        bool missing = false;
        bool changed = !usable;
        map.each_slice(p, 0, map.piece_size(p), [&](const FileSlice& slice) {
            if (slice.is_pad || missing) return;
            const FileFit file = files[slice.file.value];
            missing = file == FileFit::absent || !judge.holds(slice);
            changed = changed || file == FileFit::changed;
        });
        if (missing) continue;
        if (changed) {
            fit.to_check.set(p);
        } else if ((*saved.have)[p]) {
            fit.trusted.set(p);
        }
    }
    return fit;
}

Bitfield trust_files(const FileMap& map, std::span<const FileStamp> now) {
    static const std::vector<bool> none;
    return fit_record(map, {}, now, {}, none).to_check;
}

}  // namespace jst::storage
