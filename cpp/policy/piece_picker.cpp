#include "policy/piece_picker.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/effort.hpp"
#include "base/planted.hpp"

namespace jst::policy {

// ---- where a piece stands

std::uint32_t PiecePicker::level_of(std::int32_t relative) noexcept {
    return static_cast<std::uint32_t>(std::clamp(relative - rarest_level, 0, levels - 1));
}

std::uint32_t PiecePicker::bucket_for(std::uint8_t priority, std::int32_t relative) noexcept {
    return static_cast<std::uint32_t>(max_priority - priority) * levels + level_of(relative);
}

bool PiecePicker::is_candidate(PieceIndex piece) const noexcept {
    return wanted_[piece] && (state(piece) & active_bit) == 0;
}

std::uint32_t PiecePicker::bucket_of(PieceIndex piece) const noexcept {
    return is_candidate(piece) ? bucket_for(priority(piece), tables_->availability.relative(piece)) : aside;
}

std::uint8_t* PiecePicker::states() {
    if (!states_) {
        states_ = std::make_unique_for_overwrite<std::uint8_t[]>(geometry_.num_pieces);
        std::fill_n(states_.get(), geometry_.num_pieces, default_priority);
    }
    return states_.get();
}

void PiecePicker::set_active(PieceIndex piece, bool on) {
    if (((state(piece) & active_bit) != 0) != on) states()[piece.value] ^= active_bit;
}

// Every change of a piece's own state goes through here, so that the order, the candidates and the sums follow.
template <class Change>
void PiecePicker::update(PieceIndex piece, Change&& change) {
    const std::uint32_t before = tables_ ? bucket_of(piece) : aside;
    const auto size = geometry_.piece_size(piece);
    if (tables_ && is_candidate(piece)) tables_->candidates[priority(piece)].clear(piece);
    const bool was_wanted = wanted_[piece];
    if (was_wanted) wanted_left_ -= size;
    if (priority(piece) > 0) wanted_bytes_ -= size;
    change();
    if (priority(piece) > 0) wanted_bytes_ += size;
    if (priority(piece) > 0 && !have_[piece]) {
        wanted_.set(piece);
        wanted_left_ += size;
        if (!was_wanted) ++growth_;
    } else {
        wanted_.clear(piece);
    }
    if (!tables_) return;
    if (is_candidate(piece)) {
        auto& candidates = tables_->candidates[priority(piece)];
        if (candidates.size() == 0) candidates = Bitfield(geometry_.num_pieces);
        candidates.set(piece);
        auto& lowest = tables_->lowest[priority(piece)];
        lowest = std::min(lowest, piece);
    }
    tables_->order.move(piece, before, bucket_of(piece));
}

PiecePicker::Tables& PiecePicker::tables() {
    if (!tables_) {
        tables_ = std::make_unique<Tables>(geometry_.num_pieces);
        list_candidates();
    }
    return *tables_;
}

void PiecePicker::list_candidates() {
    tables_->candidates.fill({});
    tables_->lowest.fill({});
    for (PieceIndex i{0}; i.value < geometry_.num_pieces; ++i) {
        if (!is_candidate(i)) continue;
        auto& candidates = tables_->candidates[priority(i)];
        if (candidates.size() == 0) candidates = Bitfield(geometry_.num_pieces);
        candidates.set(i);
    }
    tables_->order.rebuild([this](PieceIndex piece) { return bucket_of(piece); });
}

const Availability& PiecePicker::availability() const noexcept {
    static const Availability nobody;
    return tables_ ? tables_->availability : nobody;
}

PiecePicker::PiecePicker(const Geometry& geometry, Order order)
    : geometry_(geometry),
      sequential_(order == Order::sequential),
      wanted_(geometry.num_pieces),
      have_(geometry.num_pieces) {
    reset(have_);
}

void PiecePicker::reset(const Bitfield& have) {
    JST_CHECK(have.size() == geometry_.num_pieces, "the have set has the size of the torrent");
    have_ = have;  // and what follows asks for no memory before the first peer: not to be half done
    wanted_.fill(false);
    wanted_bytes_ = wanted_left_ = 0;
    ++growth_;
    for (PieceIndex i{0}; i.value < geometry_.num_pieces; ++i) {
        set_active(i, false);
        if (priority(i) == 0) continue;
        wanted_bytes_ += geometry_.piece_size(i);
        if (have_[i]) continue;
        wanted_left_ += geometry_.piece_size(i);
        wanted_.set(i);
    }
    if (tables_) list_candidates();
}

// ---- facts

void PiecePicker::recount(PieceIndex piece, std::int32_t change) {
    effort();
    if (!is_candidate(piece)) return;
    const auto relative = tables_->availability.relative(piece);
    tables_->order.move(piece, bucket_for(priority(piece), relative - change), bucket_for(priority(piece), relative));
}

Counted PiecePicker::on_join(const Bitfield& has) {
    JST_CHECK(has.size() == geometry_.num_pieces, "a bitfield has the size of the torrent");
    const std::int32_t change = Availability::way_to_count(has) == Counted::as_seed ? -1 : 1;
    return tables().availability.join(has, [&](PieceIndex piece) { recount(piece, change); });
}

void PiecePicker::on_leave(const Bitfield& has, Counted counted) {
    if (planted<Plant::availability_twice>()) tables().availability.leave(has, counted, [](PieceIndex) {});
    const std::int32_t change = counted == Counted::as_seed ? 1 : -1;
    tables().availability.leave(has, counted, [&](PieceIndex piece) { recount(piece, change); });
}

void PiecePicker::on_have(PieceIndex piece) {
    if (!geometry_.contains(piece)) return;
    tables().availability.on_have(piece);
    recount(piece, 1);
}

void PiecePicker::set_priority(PieceIndex piece, std::uint8_t chosen) {
    chosen = std::min(chosen, max_priority);
    if (planted<Plant::skipped_is_fetched>()) chosen = std::max<std::uint8_t>(chosen, 1);
    if (!geometry_.contains(piece) || priority(piece) == chosen) return;
    update(piece, [&] {
        auto& one = states()[piece.value];
        one = static_cast<std::uint8_t>((one & ~priority_bits) | chosen);
    });
}

void PiecePicker::on_verified(PieceIndex piece) {
    JST_CHECK(geometry_.contains(piece), "a piece of the torrent");
    update(piece, [&] {
        have_.set(piece);
        set_active(piece, false);
    });
}

void PiecePicker::on_lost(PieceIndex piece) {
    if (!geometry_.contains(piece)) return;
    update(piece, [&] { have_.clear(piece); });
}

void PiecePicker::on_returned(PieceIndex piece) {
    JST_CHECK(geometry_.contains(piece), "a piece of the torrent");
    update(piece, [&] { set_active(piece, false); });
}

void PiecePicker::start(PieceIndex piece, const Asker& asker, RequestLedger& ledger, Time now) {
    ledger.start(piece, now);
    update(piece, [&] { set_active(piece, true); });
    if (asker.on_parole) ledger.set_exclusive(piece, asker.peer);
}

void PiecePicker::take_up(PieceIndex piece, std::span<const Byte> blocks, RequestLedger& ledger, Time now) {
    update(piece, [&] { set_active(piece, true); });
    ledger.restore(piece, blocks, now);
}

// ---- picking

bool PiecePicker::may_ask(PieceIndex piece, const Asker& asker, const RequestLedger& ledger) const noexcept {
    if (!wanted_[piece] || !(*asker.has)[piece]) return false;
    const PeerKey exclusive = ledger.status(piece).exclusive;
    return asker.on_parole ? exclusive == asker.peer : !exclusive || exclusive == asker.peer;
}

std::uint32_t PiecePicker::request(PieceIndex piece, const Asker& asker, std::uint32_t n, RequestLedger& ledger,
                                   Time now, std::vector<Block>& out) const {
    return ledger.request_missing(piece, asker.peer, n, availability().count(piece) > 1, now, out);
}

void PiecePicker::collect_open(const Asker& asker, const RequestLedger& ledger) {
    open_.clear();
    std::uint32_t age = 0;
    for (const auto piece : ledger.open()) {
        ++age;
        if (may_ask(piece, asker, ledger)) open_.push_back({piece, priority(piece), sequential_ ? piece.value : age});
    }
    std::sort(open_.begin(), open_.end(), [](const OpenPiece& a, const OpenPiece& b) {
        return a.priority != b.priority ? a.priority > b.priority : a.rank < b.rank;
    });
}

Picked PiecePicker::pick(const Asker& asker, std::uint32_t n, std::uint32_t max_active, RequestLedger& ledger,
                         Prng& prng, Time now, std::vector<Block>& out) {
    Picked picked;
    if (n == 0 || wanted_.none() || asker.has->none() || !ledger.knows(asker.peer)) return picked;
    tables();
    collect_open(asker, ledger);
    auto open = open_.begin();
    for (std::uint8_t p = max_priority; p > 0 && picked.count < n; --p) {
        for (; open != open_.end() && open->priority == p && picked.count < n; ++open)
            picked.count += request(open->piece, asker, n - picked.count, ledger, now, out);
        while (picked.count < n) {
            const auto piece = new_piece(p, *asker.has, prng);
            if (!piece) break;
            if (ledger.active_count() >= max_active) {
                picked.capped = true;
                break;
            }
            start(*piece, asker, ledger, now);
            picked.count += request(*piece, asker, n - picked.count, ledger, now, out);
        }
    }
    return picked;
}

Picked PiecePicker::pick_among(std::span<const PieceIndex> pieces, const Asker& asker, std::uint32_t n,
                               std::uint32_t max_active, RequestLedger& ledger, Time now, std::vector<Block>& out) {
    Picked picked;
    if (!ledger.knows(asker.peer)) return picked;
    for (const auto piece : pieces) {
        if (picked.count >= n) break;
        if (is_candidate(piece) && (*asker.has)[piece]) {
            if (ledger.active_count() >= max_active) {
                picked.capped = true;
                continue;
            }
            start(piece, asker, ledger, now);
        } else if (!may_ask(piece, asker, ledger)) {
            continue;
        }
        picked.count += request(piece, asker, n - picked.count, ledger, now, out);
    }
    return picked;
}

std::optional<PieceIndex> PiecePicker::new_piece(std::uint8_t p, const Bitfield& has, Prng& prng) {
    const auto& candidates = tables_->candidates[p];
    if (candidates.none()) return std::nullopt;
    if (!sequential_) return rarest(p, has, prng);
    auto& lowest = tables_->lowest[p];
    lowest = candidates.next_set(lowest);
    const auto piece = next_common(candidates, has, lowest);
    return piece.value < geometry_.num_pieces ? std::optional(piece) : std::nullopt;
}

std::optional<PieceIndex> PiecePicker::rarest(std::uint8_t p, const Bitfield& has, Prng& prng) const {
    std::uint32_t left = probes;
    const auto first = bucket_for(p, rarest_level);
    for (std::uint32_t b = first; b < first + levels; ++b) {
        const auto bucket = tables_->order.bucket(b);
        if (bucket.empty()) continue;
        const auto start_at = static_cast<std::size_t>(prng.below(bucket.size()));
        for (std::size_t i = 0; i < bucket.size(); ++i) {
            if (left-- == 0) return sampled(p, has, prng);
            const auto piece = bucket[(start_at + i) % bucket.size()];
            if (planted<Plant::claims_not_asked_about>() || has[piece]) return piece;
        }
    }
    return std::nullopt;
}

std::optional<PieceIndex> PiecePicker::sampled(std::uint8_t p, const Bitfield& has, Prng& prng) const {
    const PieceIndex end{geometry_.num_pieces};
    const PieceIndex from{static_cast<std::uint32_t>(prng.below(end.value))};
    const auto& availability = tables_->availability;
    std::optional<PieceIndex> best;
    std::uint32_t seen = 0;
    const auto scan = [&](PieceIndex at, PieceIndex stop) {
        for (; seen < sample; ++at) {
            at = next_common(tables_->candidates[p], has, at);
            if (at >= stop) return;
            ++seen;
            if (!best || availability.relative(at) < availability.relative(*best)) best = at;
        }
    };
    scan(from, end);
    scan(PieceIndex{0}, from);
    return best;
}

}  // namespace jst::policy
