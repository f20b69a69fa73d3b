#include "engine/piece_job.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/planted.hpp"

namespace jst::engine {
namespace {

constexpr std::uint64_t long_piece_memory = 4u << 20;  // what a long piece reserves: 16 runs in the making

constexpr std::uint64_t patient_sixths =
    5;  // of downloads' memory may wait for hashes; the rest is for what comes meanwhile

// In lanes of words that go side by side: a sixth of what SHA-1 takes. Never 0.
std::uint64_t digest_of(Bytes data) noexcept {
    std::array<std::uint64_t, 4> lanes{1, 2, 3, data.size()};
    std::array<std::uint64_t, 4> words{};
    for (std::size_t at = 0; at < data.size(); at += sizeof(words)) {
        if (data.size() - at < sizeof(words)) words = {};
        std::memcpy(words.data(), data.data() + at, std::min(sizeof(words), data.size() - at));
        for (std::size_t i = 0; i < lanes.size(); ++i)
            lanes[i] = std::rotl(lanes[i] ^ words[i], 29) * 0x9E3779B97F4A7C15u;
    }
    return mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3])) | 1;
}

bool is_long_piece(const Core& core, std::uint32_t size) noexcept { return size > core.pool.limit() / 8; }

}  // namespace

/// The completions of a piece: each goes to one member.
class PieceJobHandlers {
  public:
    static void hashed(runtime::Op& op, Time now) {
        auto& job = *static_cast<PieceJob*>(op.owner);
        job.core_.hashing -= job.geometry_.piece_size(job.piece_);
        if (job.abandoned_) return job.finish(PieceOutcome::abandoned, now);
        if (job.hash_.error != Errc::ok) return job.fail(job.hash_.error, {}, now);
        job.judge(job.hash_.sha1, now);
    }
    static void hashed_more(runtime::Op& op, Time now) {
        auto& job = *static_cast<PieceJob*>(op.owner);
        job.free(job.run(job.reading_run_));
        if (job.abandoned_) return job.finish(PieceOutcome::abandoned, now);
        if (job.hash_more_.error != Errc::ok) return job.fail(job.hash_more_.error, {}, now);
        if (job.hash_more_.last) return job.judge(job.hash_more_.sha1, now);
        ++job.reading_run_;
        job.read_next_run();
    }
    static void written(StoreJob& file_job, Time now) {
        auto& job = *static_cast<PieceJob*>(file_job.owner);
        job.core_.writing -= job.bytes_of(job.writing_);
        job.after_write(now);
    }
    static void read(StoreJob& file_job, Time now) { static_cast<PieceJob*>(file_job.owner)->after_read(now); }
};

PieceJob::PieceJob(Core& core, FileStore& files, const codec::Metainfo& metainfo, const policy::Geometry& geometry,
                   PieceIndex piece, Client& client, const runtime::Tag& tag)
    : core_(core),
      files_(files),
      metainfo_(metainfo),
      geometry_(geometry),
      client_(client),
      piece_(piece),
      blocks_(geometry.blocks_in(piece)),
      long_(is_long_piece(core, geometry.piece_size(piece))),
      buffers_(blocks_) {
    hash_.owner = hash_more_.owner = this;
    write_.owner = read_.owner = this;
    hash_.on_done = PieceJobHandlers::hashed;
    hash_more_.on_done = PieceJobHandlers::hashed_more;
    write_.on_done = PieceJobHandlers::written;
    read_.on_done = PieceJobHandlers::read;
    hash_.tag = hash_more_.tag = write_.tag = read_.tag = tag;
    hash_.tag.piece = hash_more_.tag.piece = write_.tag.piece = read_.tag.piece = piece.value;
    places_.resize(blocks_);
}

PieceJob::~PieceJob() = default;

std::uint64_t PieceJob::reservation(const Core& core, std::uint32_t size) noexcept {
    if (is_long_piece(core, size)) return std::min<std::uint64_t>(long_piece_memory, core.pool.limit() / 4);
    return (std::uint64_t{size} + block_size - 1) / block_size * block_size;
}

std::uint64_t PieceJob::reservation() const noexcept { return reservation(core_, geometry_.piece_size(piece_)); }

Byte* PieceJob::slot(std::uint32_t number, bool arriving) {
    auto& buffer = buffers_[number];
    if (buffer) return buffer.data();
    if (long_ && !arriving && (held_ + 1) * std::uint64_t{block_size} > reservation()) {
        write_stored();
        return nullptr;
    }
    buffer = core_.pool.acquire();
    if (buffer) ++held_;
    return buffer.data();
}

PieceJob::Range PieceJob::run(std::uint32_t number) const noexcept {
    const std::uint32_t first = number * run_blocks;
    return {first, std::min(run_blocks, blocks_ - first)};
}

void PieceJob::stored(std::uint32_t number, bool last) {
    places_[number] = Place::stored;
    if (!long_) {
        if (last) begin_hash();
        return;
    }
    note_digest(number);
    const Range whole = run(number / run_blocks);
    const auto begin = places_.begin() + whole.first;
    if (std::find(begin, begin + whole.count, Place::absent) != begin + whole.count) return;
    queue_stored(whole.first, whole.first + whole.count);
    write_next();
}

// Neighbours go in one write.
void PieceJob::queue_stored(std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t i = first; i < end; ++i) {
        if (places_[i] != Place::stored) continue;
        const std::uint32_t begin = i;
        while (i < end && i < begin + run_blocks && places_[i] == Place::stored) places_[i++] = Place::on_disk;
        ready_.push_back({begin, i - begin});
        --i;
    }
}

// Memory is short: what is there goes to disk, whole runs or not.
void PieceJob::write_stored() {
    if (write_.is_pending() || !ready_.empty()) return;
    queue_stored(0, blocks_);
    write_next();
}

// Padding is read as zeros whatever was stored.
bool PieceJob::has_padding(std::uint32_t number) const {
    bool any = false;
    const Block block = geometry_.block(piece_, number);
    files_.map().each_slice(piece_, block.begin, block.length,
                            [&](const storage::FileSlice& slice) { any = any || slice.is_pad; });
    return any;
}

void PieceJob::note_digest(std::uint32_t number) {
    digests_.resize(blocks_);
    if (!has_padding(number))
        digests_[number] = digest_of(buffers_[number].span(geometry_.block(piece_, number).length));
}

void PieceJob::compare_read() {
    if (digests_.empty() || !spoiled_.empty()) return;
    const std::uint32_t first = run(reading_run_).first;
    for (std::uint32_t i = 0; i < spans_.size(); ++i) {
        const std::uint64_t given = digests_[first + i];
        if (given != 0 && given != digest_of(spans_[i])) spoiled_ = files_.path_of(read_);
    }
}

void PieceJob::restore(std::span<const Byte> blocks) {
    long_ = true;
    for (std::uint32_t i = 0; i < blocks_; ++i) {
        if (blocks[i] == 0) continue;
        places_[i] = Place::on_disk;
        ++on_disk_;
    }
}

void PieceJob::park(Time now) {
    parking_ = true;
    queue_stored(0, blocks_);
    if (write_.is_pending()) return;
    if (ready_.empty()) return finish(PieceOutcome::parked, now);
    write_next();
}

void PieceJob::begin_hash() {
    hashing_ = true;
    spans_.clear();
    for (std::uint32_t i = 0; i < blocks_; ++i) spans_.push_back(buffers_[i].span(geometry_.block(piece_, i).length));
    hash_.spans = spans_;
    hash_.want_sha1 = true;
    core_.hashing += geometry_.piece_size(piece_);
    const bool leaves_room = core_.hashing <= core_.download_memory() / 6 * patient_sixths;
    hash_.patience = leaves_room ? client_.patience() : runtime::Patience::none;
    core_.rt.compute.hash(hash_);
}

void PieceJob::begin_write(const Range& range) {
    spans_.clear();
    for (std::uint32_t i = range.first; i < range.first + range.count; ++i)
        spans_.push_back(buffers_[i].span(geometry_.block(piece_, i).length));
    writing_ = range;
    write_.piece = piece_;
    write_.begin = range.first * block_size;
    write_.from = spans_;
    files_.submit(write_);
    core_.writing += bytes_of(range);
}

std::uint64_t PieceJob::bytes_of(const Range& range) const noexcept {
    const auto last = geometry_.block(piece_, range.first + range.count - 1);
    return last.begin + last.length - range.first * block_size;
}

void PieceJob::write_next() {
    if (ready_.empty() || write_.is_pending()) return;
    const Range next = ready_.back();
    ready_.pop_back();
    begin_write(next);
}

void PieceJob::after_write(Time now) {
    if (abandoned_) return finish(PieceOutcome::abandoned, now);
    if (planted<Plant::enospc_forgotten>()) write_.error = Errc::ok;
    if (write_.error != Errc::ok) return fail(write_.error, write_.path, now);
    if (parking_) {
        free(writing_);
        return ready_.empty() ? finish(PieceOutcome::parked, now) : write_next();
    }
    if (!long_) return finish(PieceOutcome::verified, now);
    free(writing_);
    on_disk_ += writing_.count;
    if (on_disk_ < blocks_) {
        write_next();
    } else {
        hashing_ = true;
        state_ = core_.rt.compute.new_state();
        read_next_run();
    }
    client_.on_memory_freed();  // last: whoever hears of it may end this piece, and must see what is out
}

void PieceJob::free(const Range& range) noexcept {
    for (std::uint32_t i = range.first; i < range.first + range.count; ++i) buffers_[i].reset();
    held_ -= range.count;
}

void PieceJob::read_next_run() {
    const Range range = run(reading_run_);
    room_.clear();
    for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
        Byte* const place = slot(i);
        JST_CHECK(place != nullptr, "a long piece that is read back has the memory that it reserved");
        room_.push_back({place, geometry_.block(piece_, i).length});
    }
    read_.piece = piece_;
    read_.begin = range.first * block_size;
    read_.into = room_;
    files_.submit(read_);
}

void PieceJob::after_read(Time now) {
    if (abandoned_) return finish(PieceOutcome::abandoned, now);
    if (read_.error != Errc::ok) return fail(read_.error, read_.path, now);
    spans_.assign(room_.begin(), room_.end());
    compare_read();
    hash_more_.state = state_.get();
    hash_more_.spans = spans_;
    hash_more_.last = run(reading_run_).first + run(reading_run_).count == blocks_;
    core_.rt.compute.hash_more(hash_more_);
}

void PieceJob::judge(const Sha1Digest& digest, Time now) {
    hashing_ = false;
    const Bytes expected = metainfo_.piece_hash(piece_);
    bool good = std::equal(expected.begin(), expected.end(), digest.bytes.begin(), digest.bytes.end());
    if (planted<Plant::hash_failure_ignored>()) good = true;
    if (!good && !spoiled_.empty()) return fail(Errc::disk_io, spoiled_, now);
    if (!good) return finish(PieceOutcome::bad_hash, now);
    if (long_) return finish(PieceOutcome::verified, now);
    begin_write({0, blocks_});
    if (planted<Plant::verified_before_write>()) finish(PieceOutcome::verified, now);
}

void PieceJob::fail(Errc error, const std::string& where, Time now) {
    error_ = error;
    where_ = where;
    finish(PieceOutcome::disk_error, now);
}

void PieceJob::finish(PieceOutcome outcome, Time now) { client_.on_piece_done(*this, outcome, now); }

std::uint64_t PieceJob::digest(std::uint32_t number) const noexcept {
    if (long_) return digests_.empty() ? 0 : digests_[number];
    return buffers_[number] ? digest_of(buffers_[number].span(geometry_.block(piece_, number).length)) : 0;
}

}  // namespace jst::engine
