#include "engine/unparking.hpp"

#include <algorithm>

namespace jst::engine {

Unparking::Unparking(FileStore& store, runtime::Tag tag, Have have) : store_(store), have_(have) {
    job_.on_done = on_job;
    job_.owner = this;
    job_.tag = tag;
    job_.bulk = true;
    wake_.on_done = [](runtime::Op& op, Time now) { static_cast<Unparking*>(op.owner)->chunk_done(now); };
    wake_.owner = this;
    wake_.tag = tag;
    wake_.action = runtime::DiskAction::stat;
    store_.owner = this;
    store_.on_parts_quiet = [](FileStore& files, Time) {
        auto& self = *static_cast<Unparking*>(files.owner);
        if (std::exchange(self.waiting_, false)) self.pump();
    };
}

void Unparking::pump() {
    const auto file = store_.leaving();
    if (running_ || !file) return;
    waiting_ = store_.part_writers() > 0;
    if (waiting_) return;
    running_ = true;
    file_ = *file;
    job_.error = Errc::ok;
    job_.path.clear();
    list_pieces();
    buffer_.resize(std::min<std::size_t>(unpark_chunk_bytes, store_.map().piece_length()));
    if (next_chunk()) return;
    wake_.path = store_.save_path();
    store_.disk().submit(wake_);
}

void Unparking::list_pieces() {
    pieces_.clear();
    at_piece_ = 0;
    done_ = 0;
    const Bitfield& have = have_(owner);
    const auto range = store_.map().pieces_of(file_);
    if (range.empty()) return;
    // Only the first and the last piece of a file can be shared.
    const PieceIndex last{range.last.value - 1};
    for (const PieceIndex piece : {range.first, last}) {
        if (!have[piece] || !store_.parts().slot(piece) || store_.was_written_leaving(file_, piece)) continue;
        if (pieces_.empty() || pieces_.back() != piece) pieces_.push_back(piece);
    }
}

/// Reads the next bytes of the file's part of the piece; false when all are copied.
bool Unparking::next_chunk() {
    const std::uint64_t length = store_.map().piece_length();
    const std::uint64_t start = store_.map().file_offset(file_);
    for (; at_piece_ < pieces_.size(); ++at_piece_, done_ = 0) {
        const PieceIndex piece = pieces_[at_piece_];
        const std::uint64_t piece_start = piece.value * length;
        const std::uint64_t from = std::max(start, piece_start);
        const std::uint64_t to = std::min(start + store_.map().file_size(file_), piece_start + length);
        if (from + done_ >= to) continue;
        const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(to - from - done_, buffer_.size()));
        into_ = MutableBytes(buffer_).first(bytes);
        from_ = Bytes(buffer_).first(bytes);
        job_.piece = piece;
        job_.begin = static_cast<std::uint32_t>(from - piece_start + done_);
        job_.into = std::span(&into_, 1);
        job_.from = {};
        reading_ = true;
        store_.submit(job_);
        return true;
    }
    return false;
}

void Unparking::on_job(StoreJob& job, Time now) {
    Unparking& self = *static_cast<Unparking*>(job.owner);
    if (job.error != Errc::ok) return self.end(now);
    if (self.reading_) {
        self.reading_ = false;
        job.into = {};
        job.from = std::span(&self.from_, 1);
        return self.store_.submit_straight(job);
    }
    self.done_ += self.from_.size();
    self.chunk_done(now);
}

void Unparking::chunk_done(Time now) {
    if (next_chunk()) return;
    store_.unparked(file_);
    end(now);
}

void Unparking::end(Time now) {
    running_ = false;
    buffer_ = {};
    if (job_.error == Errc::ok) pump();
    if (on_done != nullptr) on_done(*this, now);
}

}  // namespace jst::engine
