// Download's pieces that are left half done: their blocks go to disk when it stops and are taken up when it goes on.
//
// They are proven by nobody, so the hash decides in the end, as always; who gave them is not known any more, so a piece
// with such blocks that fails its hash is held against nobody.
#include <algorithm>

#include "engine/download.hpp"

namespace jst::engine {

// Until its blocks are written nobody may begin it anew, or they could come after the proven ones: the picker keeps it.
void Download::park_piece(PieceIndex piece, Time now) {
    Work& w = work();
    Flags flags(geometry_.blocks_in(piece), 0);
    const auto before = w.restored.find(piece);
    for (std::uint32_t i = 0; i < flags.size(); ++i) {
        if (!w.ledger.is_received(geometry_.block(piece, i))) continue;
        flags[i] = before != w.restored.end() && before->second[i] != 0 ? before->second[i] : of_this_session;
    }
    w.withdrawn.clear();
    std::vector<policy::PeerBlock> revoked;
    w.ledger.abandon(piece, w.withdrawn, revoked);
    for (const auto& r : revoked) revoke(r.peer);
    send_cancels(w.withdrawn);
    w.restored.erase(piece);
    const auto found = w.jobs.find(piece);
    JST_CHECK(found != w.jobs.end(), "an active piece has a job");
    PieceJob& parking = *found->second;
    w.parking.emplace(piece, std::pair(std::move(found->second), std::move(flags)));
    w.jobs.erase(found);
    parking.park(now);
}

void Download::on_parked(PieceJob& done, PieceOutcome outcome) {
    Work& w = work();
    const PieceIndex piece = done.piece();
    const auto found = w.parking.find(piece);
    Flags flags = std::move(found->second.second);
    core_.unreserve(done.reservation());
    w.dying.push_back(std::move(found->second.first));  // its handler is running
    w.parking.erase(found);
    picker_.on_returned(piece);
    hungry_ = true;
    memory_freed_ = true;
    parked_changed_ = true;
    if (outcome != PieceOutcome::parked) return forget_parked(piece, flags);
    parked_.own()[piece] = std::move(flags);
}

void Download::forget_parked(PieceIndex piece, const Flags& flags) {
    for (std::uint32_t i = 0; i < flags.size(); ++i) {
        const std::uint32_t length = geometry_.block(piece, i).length;
        if (flags[i] == of_this_session) {
            count(&Counters::payload_partial, -static_cast<std::int64_t>(length));
            count(&Counters::payload_discarded, length);
        } else if (flags[i] == of_a_record) {
            counters_.payload_partial -= length;
            counters_.payload_discarded += length;
        }
    }
    parked_.own().erase(piece);
    parked_changed_ = true;
}

void Download::forget_parked() {
    while (!parked_->empty()) {
        const auto [piece, flags] = *parked_->begin();
        forget_parked(piece, flags);
    }
}

void Download::drop_half_done(PieceIndex piece, Time now) {
    if (const auto left = parked_->find(piece); left != parked_->end()) forget_parked(piece, Flags(left->second));
    if (!work_) return;
    if (const auto found = work_->parking.find(piece); found != work_->parking.end()) found->second.first->abandon();
    if (const PieceJob* const active = job(piece); active != nullptr && active->is_long()) drop_piece(piece, now);
}

void Download::take_up_parked(Time now) {
    Work& w = work();
    const std::uint32_t most = most_active();
    auto& left = parked_.own();
    for (auto it = left.begin(); it != left.end() && w.ledger.active_count() < most;) {
        const PieceIndex piece = it->first;
        if (!picker_.is_wanted(piece)) {
            ++it;
            continue;
        }
        Flags flags = std::move(it->second);
        it = left.erase(it);
        parked_changed_ = true;
        picker_.take_up(piece, flags, w.ledger, now);
        PieceJob& job = begin_piece(piece);
        core_.promise(job.reservation());
        job.restore(flags);
        w.restored[piece] = std::move(flags);
    }
}

void Download::adopt(PieceIndex piece, Bytes bits) {
    if (!geometry_.contains(piece) || have()[piece] || ledger().is_active(piece) || parked_->contains(piece)) return;
    const auto blocks = Bitfield::from_wire(bits, geometry_.blocks_in(piece));
    if (!blocks || blocks->none() || blocks->all()) return;
    Flags flags(blocks->size(), 0);
    for (std::uint32_t i = 0; i < flags.size(); ++i) flags[i] = (*blocks)[PieceIndex{i}] ? of_a_record : Byte{0};
    parked_.own().emplace(piece, std::move(flags));
}

std::vector<std::pair<PieceIndex, ByteVector>> Download::parked() const {
    std::vector<std::pair<PieceIndex, ByteVector>> out;
    for (const auto& [piece, flags] : *parked_) {
        Bitfield bits(static_cast<std::uint32_t>(flags.size()));
        for (std::uint32_t i = 0; i < bits.size(); ++i)
            if (flags[i] != 0) bits.set(PieceIndex{i});
        out.emplace_back(piece, to_vector(bits.wire()));
    }
    return out;
}

std::uint64_t Download::parked_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [piece, flags] : *parked_)
        for (std::uint32_t i = 0; i < flags.size(); ++i)
            if (flags[i] != 0) sum += geometry_.block(piece, i).length;
    return sum;
}

}  // namespace jst::engine
