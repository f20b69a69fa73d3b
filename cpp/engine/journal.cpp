#include "engine/journal.hpp"

#include <algorithm>

namespace jst::engine {

using runtime::DiskAction;

Journal::Journal(runtime::Disk& disk, const runtime::Tag& tag) : disk_(disk), tag_(tag) {}

void Journal::open(std::string path, Bytes info_hash, bool left) {
    path_ = std::move(path);
    id_ = to_vector(info_hash);
    exists_ = left;
    pump();
}

void Journal::cut(const Bitfield& durable, std::uint64_t epoch) {
    epoch_ = epoch;
    std::erase_if(pieces_, [&](PieceIndex piece) { return piece.value < durable.size() && durable[piece]; });
    written_ = in_write_ = 0;
    afresh_ = true;
    failed_ = false;
    pump();
}

void Journal::drop() {
    pieces_.clear();
    written_ = in_write_ = 0;
    afresh_ = ending_ = true;
    pump();
}

void Journal::flush() {
    pump();
    if (!is_pending() && !is_file_open()) work_.reset();
}

void Journal::end() {
    ending_ = true;
    pump();
}

// What is to be done next, if nothing is under way.
void Journal::pump() {
    if (is_pending() || path_.empty()) return;
    if (failed_ || pieces_.empty()) {
        if (is_file_open()) return submit(DiskAction::close, Step::closing, true);
        if (exists_ && !failed_) submit(DiskAction::unlink, Step::unlinking, true);
        return;
    }
    if (!afresh_ && written_ == pieces_.size()) {
        if (ending_ && is_file_open()) submit(DiskAction::close, Step::closing, true);
        return;
    }
    if (is_file_open()) return write();
    submit(DiskAction::open, Step::opening, true);
}

void Journal::write() {
    ByteVector& bytes = work_->bytes;
    const ByteVector header = storage::journal_header(id_, epoch_);
    bytes.clear();
    if (afresh_) bytes = header;
    const std::size_t first = afresh_ ? 0 : written_;
    constexpr std::size_t most =
        (storage::max_journal_bytes - storage::journal_header_bytes) / storage::journal_entry_bytes;
    in_write_ = std::min(pieces_.size(), most);
    if (first >= in_write_) return;
    for (std::size_t i = first; i < in_write_; ++i) {
        const ByteVector entry = storage::journal_entry(header, i, pieces_[i]);
        bytes.insert(bytes.end(), entry.begin(), entry.end());
    }
    work_->op.offset = afresh_ ? 0 : storage::journal_header_bytes + first * storage::journal_entry_bytes;
    work_->from = bytes;
    work_->op.from = std::span(&work_->from, 1);
    submit(DiskAction::write, Step::writing, false);
}

void Journal::submit(DiskAction action, Step step, bool bulk) {
    if (!work_) work_ = std::make_unique<Work>();
    step_ = step;
    auto& op = work_->op;
    op.owner = this;
    op.on_done = on_op;
    op.tag = tag_;
    op.mode = runtime::OpenMode::create;
    op.action = action;
    op.bulk = bulk;
    op.path = path_;
    op.trusted_prefix = path_.rfind('/');
    disk_.submit(op);
}

void Journal::on_op(runtime::Op& op, Time) {
    Journal& journal = *static_cast<Journal*>(op.owner);
    journal.advance();
    journal.pump();
}

void Journal::advance() {
    const Step done = std::exchange(step_, Step::none);
    const bool ok = work_->op.error == Errc::ok;
    switch (done) {
        case Step::opening:
            exists_ = exists_ || ok;
            failed_ = failed_ || !ok;
            if (!ok) work_->op.file = {};
            return;
        case Step::writing:
            if (!ok) failed_ = true;
            // A cut came in between: it begins again.
            if (!ok || in_write_ == 0) return;
            written_ = in_write_;
            if (!std::exchange(afresh_, false)) return;
            work_->op.offset = storage::journal_header_bytes + written_ * storage::journal_entry_bytes;
            return submit(DiskAction::truncate, Step::cutting, false);
        case Step::cutting:
            failed_ = failed_ || !ok;
            return;
        case Step::closing:
            work_->op.file = {};
            return;
        case Step::unlinking:
            exists_ = false;
            return;
        case Step::none:
            return;
    }
}

}  // namespace jst::engine
