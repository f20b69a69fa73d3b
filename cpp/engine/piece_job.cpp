#include "engine/piece_job.hpp"

#include <algorithm>

namespace jst::engine {
namespace {

constexpr std::uint64_t long_piece_memory = 4u << 20;  // what a long piece reserves: 16 runs in the making

bool is_long_piece(const Core& core, std::uint32_t size) noexcept { return size > core.pool.limit() / 8; }

}  // namespace

/// The completions of a piece: each goes to one member.
class PieceJobHandlers {
  public:
    static void hashed(runtime::Op& op, Time now) {
        auto& job = *static_cast<PieceJob*>(op.owner);
        if (job.abandoned_) return job.finish(PieceOutcome::abandoned, now);
        job.judge(job.hash_.sha1, now);
    }
    static void hashed_more(runtime::Op& op, Time now) {
        auto& job = *static_cast<PieceJob*>(op.owner);
        job.free_run(job.reading_run_);
        if (job.abandoned_) return job.finish(PieceOutcome::abandoned, now);
        if (job.hash_more_.last) return job.judge(job.hash_more_.sha1, now);
        ++job.reading_run_;
        job.read_next_run();
    }
    static void written(StoreJob& file_job, Time now) { static_cast<PieceJob*>(file_job.owner)->after_write(now); }
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
    if (long_) stored_.resize((blocks_ + run_blocks - 1) / run_blocks);
}

PieceJob::~PieceJob() = default;

std::uint64_t PieceJob::reservation(const Core& core, std::uint32_t size) noexcept {
    if (is_long_piece(core, size)) return std::min<std::uint64_t>(long_piece_memory, core.pool.limit() / 4);
    return (std::uint64_t{size} + block_size - 1) / block_size * block_size;
}

std::uint64_t PieceJob::reservation() const noexcept { return reservation(core_, geometry_.piece_size(piece_)); }

Byte* PieceJob::slot(std::uint32_t number) {
    auto& buffer = buffers_[number];
    if (!buffer) buffer = core_.pool.acquire();
    return buffer.data();
}

std::uint32_t PieceJob::run_length(std::uint32_t run) const noexcept {
    return std::min(run_blocks, blocks_ - run * run_blocks);
}

void PieceJob::stored(std::uint32_t number, bool last) {
    all_stored_ = all_stored_ || last;
    if (!long_) {
        if (last) begin_hash();
        return;
    }
    const std::uint32_t run = number / run_blocks;
    if (++stored_[run] < run_length(run)) return;
    ready_.push_back(run);
    if (!write_.is_pending()) write_next_run();
}

void PieceJob::begin_hash() {
    hashing_ = true;
    spans_.clear();
    for (std::uint32_t i = 0; i < blocks_; ++i) spans_.push_back(buffers_[i].span(geometry_.block(piece_, i).length));
    hash_.spans = spans_;
    hash_.want_sha1 = true;
    core_.rt.compute.hash(hash_);
}

void PieceJob::begin_write(std::uint32_t first, std::uint32_t count) {
    spans_.clear();
    for (std::uint32_t i = first; i < first + count; ++i)
        spans_.push_back(buffers_[i].span(geometry_.block(piece_, i).length));
    write_.piece = piece_;
    write_.begin = first * block_size;
    write_.from = spans_;
    files_.submit(write_);
}

void PieceJob::write_next_run() {
    if (ready_.empty()) return;
    writing_run_ = ready_.back();
    ready_.pop_back();
    begin_write(writing_run_ * run_blocks, run_length(writing_run_));
}

void PieceJob::after_write(Time now) {
    if (abandoned_) return finish(PieceOutcome::abandoned, now);
    if (write_.error != Errc::ok) {
        error_ = write_.error;
        where_ = write_.path;
        return finish(PieceOutcome::disk_error, now);
    }
    if (!long_) return finish(PieceOutcome::verified, now);
    free_run(writing_run_);
    if (++runs_written_ == stored_.size()) {
        hashing_ = true;
        state_ = core_.rt.compute.new_state();
        return read_next_run();
    }
    write_next_run();
}

void PieceJob::free_run(std::uint32_t run) noexcept {
    for (std::uint32_t i = 0; i < run_length(run); ++i) buffers_[run * run_blocks + i].reset();
}

void PieceJob::read_next_run() {
    // What was reserved is free now: the runs are on disk, and one run is read at a time.
    const std::uint32_t first = reading_run_ * run_blocks;
    room_.clear();
    for (std::uint32_t i = 0; i < run_length(reading_run_); ++i) {
        Byte* const place = slot(first + i);
        JST_CHECK(place != nullptr, "a long piece that is read back has the memory that it reserved");
        room_.push_back({place, geometry_.block(piece_, first + i).length});
    }
    read_.piece = piece_;
    read_.begin = first * block_size;
    read_.into = room_;
    files_.submit(read_);
}

void PieceJob::after_read(Time now) {
    if (abandoned_) return finish(PieceOutcome::abandoned, now);
    if (read_.error != Errc::ok) {
        error_ = read_.error;
        where_ = read_.path;
        return finish(PieceOutcome::disk_error, now);
    }
    spans_.assign(room_.begin(), room_.end());
    hash_more_.state = state_.get();
    hash_more_.spans = spans_;
    hash_more_.last = reading_run_ + 1 == stored_.size();
    core_.rt.compute.hash_more(hash_more_);
}

void PieceJob::judge(const Sha1Digest& digest, Time now) {
    hashing_ = false;
    const Bytes expected = metainfo_.piece_hash(piece_);
    const bool good = std::equal(expected.begin(), expected.end(), digest.bytes.begin(), digest.bytes.end());
    if (!good) return finish(PieceOutcome::bad_hash, now);
    if (long_) return finish(PieceOutcome::verified, now);
    begin_write(0, blocks_);
}

void PieceJob::finish(PieceOutcome outcome, Time now) { client_.on_piece_done(*this, outcome, now); }

std::uint64_t PieceJob::digest(std::uint32_t number) const noexcept {
    if (!buffers_[number]) return 0;
    const Bytes data = buffers_[number].span(geometry_.block(piece_, number).length);
    return name_hash(as_text(data)) | 1;
}

}  // namespace jst::engine
