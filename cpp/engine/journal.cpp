#include "engine/journal.hpp"

#include <algorithm>

namespace jst::engine {

using runtime::DiskAction;

Journal::Journal(runtime::Disk& disk, const runtime::Tag& tag) : disk_(disk) {
    op_.owner = this;
    op_.on_done = on_op;
    op_.tag = tag;
}

void Journal::open(std::string path, Bytes info_hash, bool left) {
    path_ = std::move(path);
    id_ = to_vector(info_hash);
    header_ = storage::journal_header(id_, epoch_);
    exists_ = left;
    pump();
}

void Journal::cut(const Bitfield& durable, std::uint64_t epoch) {
    epoch_ = epoch;
    header_ = storage::journal_header(id_, epoch_);
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

void Journal::end() {
    ending_ = true;
    pump();
}

// What is to be done next, if nothing is under way.
void Journal::pump() {
    if (op_.pending || path_.empty()) return;
    if (failed_ || pieces_.empty()) {
        if (op_.file) return submit(DiskAction::close, Step::closing, true);
        if (exists_ && !failed_) submit(DiskAction::unlink, Step::unlinking, true);
        return;
    }
    if (!afresh_ && written_ == pieces_.size()) {
        if (ending_ && op_.file) submit(DiskAction::close, Step::closing, true);
        return;
    }
    if (op_.file) return write();
    op_.mode = runtime::OpenMode::create;
    submit(DiskAction::open, Step::opening, true);
}

void Journal::write() {
    bytes_.clear();
    if (afresh_) bytes_ = header_;
    const std::size_t first = afresh_ ? 0 : written_;
    constexpr std::size_t most = (storage::max_journal_bytes - storage::journal_header_bytes) / storage::journal_entry_bytes;
    in_write_ = std::min(pieces_.size(), most);
    if (first >= in_write_) return;
    for (std::size_t i = first; i < in_write_; ++i) {
        const ByteVector entry = storage::journal_entry(header_, i, pieces_[i]);
        bytes_.insert(bytes_.end(), entry.begin(), entry.end());
    }
    op_.offset = afresh_ ? 0 : storage::journal_header_bytes + first * storage::journal_entry_bytes;
    from_ = bytes_;
    op_.from = std::span(&from_, 1);
    submit(DiskAction::write, Step::writing, false);
}

void Journal::submit(DiskAction action, Step step, bool bulk) {
    step_ = step;
    op_.action = action;
    op_.bulk = bulk;
    op_.path = path_;
    disk_.submit(op_);
}

void Journal::on_op(runtime::Op& op, Time) {
    Journal& journal = *static_cast<Journal*>(op.owner);
    journal.advance();
    journal.pump();
}

void Journal::advance() {
    const Step done = std::exchange(step_, Step::none);
    const bool ok = op_.error == Errc::ok;
    switch (done) {
        case Step::opening:
            exists_ = exists_ || ok;
            failed_ = failed_ || !ok;
            if (!ok) op_.file = {};
            return;
        case Step::writing:
            if (!ok) failed_ = true;
            // A cut came in between: it begins again.
            if (!ok || in_write_ == 0) return;
            written_ = in_write_;
            if (!std::exchange(afresh_, false)) return;
            op_.offset = storage::journal_header_bytes + written_ * storage::journal_entry_bytes;
            return submit(DiskAction::truncate, Step::cutting, false);
        case Step::cutting:
            failed_ = failed_ || !ok;
            return;
        case Step::closing:
            op_.file = {};
            return;
        case Step::unlinking:
            exists_ = false;
            return;
        case Step::none:
            return;
    }
}

}  // namespace jst::engine
