#include "engine/download.hpp"

#include <algorithm>
#include <cstring>

#include "base/planted.hpp"

namespace jst::engine {
namespace {

policy::EndgameSettings endgame_settings(const Settings& s) {
    policy::EndgameSettings out;
    out.parts_per_million = static_cast<std::uint32_t>(s.endgame_fraction.value_or(1.0) * 1e6);
    out.bytes = s.endgame_bytes.value_or(~std::uint64_t{0});
    out.copies = static_cast<std::uint32_t>(std::min<std::uint64_t>(s.endgame_copies, policy::max_copies));
    out.prefer_proven = s.endgame_prefer_proven;
    return out;
}

}  // namespace

namespace {

constexpr Duration held_back_for = seconds(2);        // who waits to be read tries oftener
constexpr Duration longest_held_back = seconds(600);  // without a block of what it owes
constexpr std::uint64_t most_said_instead =
    4 * block_size;  // of part of a block, and of other things: who goes on like that is late after all
constexpr Duration look_again_held_back = seconds(1);

}  // namespace

Download::Download(Core& core, FileStore& files, const codec::Metainfo* metainfo, const policy::Geometry& geometry,
                   Counters& counters, Client& client, std::uint32_t number)
    : core_(core),
      files_(files),
      metainfo_(metainfo),
      geometry_(geometry),
      counters_(counters),
      client_(client),
      picker_(geometry) {
    tag_.torrent = number;
}

Download::Work::Work(const Core& core, const policy::Geometry& geometry, std::uint32_t number)
    : ledger(geometry), endgame(endgame_settings(core.settings)), prng(core.rt.entropy.stream(number, "picker")) {}

Download::Work& Download::begin_work() {
    work_ = std::make_unique<Work>(core_, geometry_, tag_.torrent);
    return *work_;
}

const policy::RequestLedger& Download::ledger() const noexcept {
    static const policy::RequestLedger nothing;
    return work_ ? work_->ledger : nothing;
}

Download::~Download() {
    if (!work_) return;
    for (const auto& [piece, job] : work_->jobs) core_.unreserve(job->reservation());
    for (const auto& [piece, parking] : work_->parking) core_.unreserve(parking.first->reservation());
}

void Download::configure() {
    if (work_) work_->endgame.configure(endgame_settings(core_.settings));
}

// -- facts about peers ------------------------------------------------------------------------------------------------

void Download::on_join(Peer& peer) {
    peers.push_back(peer.key);
    work().ledger.on_join(peer.key, peer.address.host, peer.fast());
    peer.claims.have = Bitfield(geometry_.num_pieces);
    peer.claims.counted = picker_.on_join(peer.claims.have);
}

void Download::on_leave(Peer& peer, Time) {
    if (std::erase(peers, peer.key) == 0) return;
    settle(peer);
    hungry_ = hungry_ || work().looker == peer.key || !work().ledger.outstanding(peer.key).empty();
    work().ledger.on_disconnect(peer.key);
    memory_freed_ = memory_freed_ || somebody_waits_;
    if (peer.claims.counted) picker_.on_leave(peer.claims.have, *peer.claims.counted);
    peer.claims.counted.reset();
}

void Download::on_claims(Peer& peer, Bitfield have, Time now) {
    if (peer.claims.counted) picker_.on_leave(peer.claims.have, *peer.claims.counted);
    peer.claims.have = std::move(have);
    peer.claims.wanted_from = {};
    peer.claims.counted = picker_.on_join(peer.claims.have);
    update_interest(peer);
    refill(peer, now);
}

void Download::on_have(Peer& peer, PieceIndex piece) {
    if (!peer.claims.have.set(piece)) return;
    picker_.on_have(piece);
    if (!picker_.is_wanted(piece)) return;
    peer.claims.wanted_from = std::min(peer.claims.wanted_from, piece);
    if (allowed_) set_interest(peer, true);
}

void Download::on_choked(Peer& peer, Time now) {
    Work& w = work();
    if (!w.ledger.outstanding(peer.key).empty()) on_unanswered(peer);
    w.ledger.on_choke(peer.key);
    peer.pipeline.on_choke(now);
}

void Download::on_unchoked(Peer& peer, Time now) {
    work().ledger.on_unchoke(peer.key);
    peer.pipeline.on_unchoke();
    if (peer.pipeline.paused_until() > now) peer.timer.set_sooner(peer.pipeline.paused_until());
}

void Download::on_rejected(Peer& peer, const Block& block, Time now) {
    if (!work().ledger.on_reject(peer.key, block, now)) return;
    if (!peer.choking.peer_choking) {
        peer.pipeline.on_reject(now);
        peer.timer.set_sooner(peer.pipeline.paused_until());  // nothing else may wake it when all was refused
    } else if (std::erase(peer.claims.allowed_fast, block.piece) > 0) {
        peer.claims.refused_fast.push_back(block.piece);
    }
    on_unanswered(peer);
}

// Others are asked first for what this one did not give: two peers that choke in turn could keep all requests between
// them.
void Download::on_unanswered(const Peer& peer) {
    hungry_ = true;
    if (!peers.empty() && peers.back() == peer.key) return;
    const auto found = std::find(peers.begin(), peers.end(), peer.key);
    if (found != peers.end()) std::rotate(found, found + 1, peers.end());
}

// What it ends gives memory back, and who ends pieces gets it: others would keep it with pieces of which nothing comes.
void Download::on_whole(const Peer& peer) {
    const auto found = std::find(peers.begin(), peers.end(), peer.key);
    if (found != peers.end()) std::rotate(peers.begin(), found, found + 1);
}

void Download::on_allowed_fast(Peer& peer, PieceIndex piece) {
    auto& allowed = peer.claims.allowed_fast;
    const auto& refused = peer.claims.refused_fast;
    if (!geometry_.contains(piece) || allowed.size() + refused.size() >= max_allowed_fast) return;
    const bool is_new = std::find(allowed.begin(), allowed.end(), piece) == allowed.end();
    if (is_new && std::find(refused.begin(), refused.end(), piece) == refused.end()) allowed.push_back(piece);
}

bool Download::expire(Peer& peer, Time now) {
    Work& w = work();
    const bool stuck = somebody_idles_ && stuck_at(peer) <= now;
    if (stuck) {
        hungry_ = true;
        w.next_look = now;
    }
    w.withdrawn.clear();
    if (is_held_back(peer, now)) return stuck;
    const Duration timeout = peer.pipeline.time_limit(to_duration(core_.settings.request_timeout));
    w.ledger.expire(peer.key, now, timeout, w.withdrawn);
    if (w.withdrawn.empty()) return stuck;
    peer.pipeline.on_timeout(now, timeout, static_cast<std::uint32_t>(w.withdrawn.size()));
    on_unanswered(peer);
    return true;
}

Time Download::deadline(const Peer& peer) const {
    const Time due = ledger().deadline(peer.key, peer.pipeline.time_limit(to_duration(core_.settings.request_timeout)));
    Time first = unless_held_back(peer, due);
    const Time stuck = somebody_idles_ ? stuck_at(peer) : Time::never();
    for (const Time pause : {peer.pipeline.paused_until(), peer.pipeline.patient_until(), stuck})
        if (pause > core_.now()) first = std::min(first, pause);
    return first;
}

void Download::note_payload(Peer& peer, Time now) noexcept {
    peer.traffic.last_payload = last_payload_ = now;
    peer.traffic.said_instead = 0;
}

// Not while a limit keeps us from reading what it sent.
Time Download::stuck_at(const Peer& peer) const {
    if (ledger().outstanding(peer.key).empty() || is_held_back(peer, core_.now())) return Time::never();
    return std::max(peer.traffic.last_payload, peer.traffic.owes_since) + peer.pipeline.stuck_after();
}

Time Download::snub_deadline(const Peer& peer) const {
    if (peer.snubbed || (ledger().outstanding(peer.key).empty() && !peer.pipeline.is_silent())) return Time::never();
    const Time since = std::max(peer.traffic.last_payload, peer.traffic.owes_since);
    return unless_held_back(peer, since + to_duration(core_.settings.snub_timeout));
}

// What it sent waits to be read, since a limit is used up: it is not late.
bool Download::is_held_back(const Peer& peer, Time now) noexcept {
    const auto& t = peer.traffic;
    return !t.left_unread.is_never() && now < t.left_unread + held_back_for && t.said_instead <= most_said_instead &&
           now < std::max(t.last_payload, t.owes_since) + longest_held_back;
}

Time Download::unless_held_back(const Peer& peer, Time due) const {
    const Time now = core_.now();
    return due <= now && is_held_back(peer, now) ? now + look_again_held_back : due;
}

// -- payload ----------------------------------------------------------------------------------------------------------

std::span<const wire::ExpectedBlock> Download::expect(Peer& peer) {
    Work& w = work();
    w.expected.clear();
    short_ = false;
    const auto arriving = peer.wire.arriving();
    for (const auto& asked : w.ledger.outstanding(peer.key)) {
        if (w.expected.size() > wire::max_predicted)
            break;  // one more: what comes behind the predicted has a place too
        if (asked.block == arriving) continue;
        PieceJob* const piece = job(asked.block.piece);
        if (piece == nullptr || !w.ledger.lease(peer.key, asked.block)) break;
        Byte* const slot = place_for(*piece, asked.block);
        if (slot == nullptr) {
            w.ledger.release_lease(peer.key, asked.block);
            short_ = true;
            break;
        }
        w.expected.push_back({asked.block, slot});
    }
    return w.expected;
}

// What was at hand for blocks that did not come is taken from them: else a peer that gives nothing keeps it from those
// that do.
Byte* Download::place_for(PieceJob& piece, const Block& block) {
    const std::uint32_t number = block.begin / block_size;
    if (Byte* const slot = piece.slot(number)) return slot;
    const auto is_leased = [&](std::uint32_t other) {
        return work().ledger.is_leased(geometry_.block(block.piece, other));
    };
    return piece.reclaim(is_leased) ? piece.slot(number) : nullptr;
}

void Download::settle(Peer& peer) {
    Work& w = work();
    const auto arriving = peer.wire.has_sink() ? peer.wire.arriving() : std::nullopt;
    for (const auto& expected : w.expected)
        if (expected.block != arriving) w.ledger.release_lease(peer.key, expected.block);
    w.expected.clear();
}

void Download::on_block_started(Peer& peer, const wire::BlockStarted& started, Time) {
    Work& w = work();
    if (started.in_place) return;  // leased since it was predicted; settle() keeps it
    const Block& block = started.block;
    PieceJob* const piece = job(block.piece);
    const bool asked = w.ledger.is_outstanding(peer.key, block);
    Byte* slot = nullptr;
    if (piece != nullptr && asked && w.ledger.lease(peer.key, block)) {
        slot = piece->slot(block.begin / block_size, true);
        if (slot == nullptr) w.ledger.release_lease(peer.key, block);
    } else if (piece != nullptr && (asked || w.ledger.is_withdrawn(peer.key, block))) {
        // Another's copy is on its way into the place, the first that is whole wins; or the answer is late, and
        // welcome.
        slot = peer.spare_block();
    }
    peer.wire.set_sink(slot);
}

void Download::on_block(Peer& peer, const wire::BlockArrived& arrived, Time now) {
    Work& w = work();
    Block block = arrived.block;
    if (planted<Plant::begin_unchecked>()) block.begin = block.begin % geometry_.piece_length / block_size * block_size;
    peer.count(&Counters::payload_received, block.length);
    peer.traffic.down.add(block.length, now);
    core_.down_rate.add(block.length, now);
    if (!peer.choking.peer_choking) peer.traffic.received_unchoked += block.length;
    PieceJob* const piece = job(block.piece);
    const auto number = geometry_.block_number(block);
    const bool had = number && (have()[block.piece] || w.ledger.is_received(block));
    Byte* const slot = piece != nullptr && number && !had ? piece->slot(*number, true) : nullptr;
    const bool lost =
        !had && (arrived.placement == wire::Placement::discarded || (slot == nullptr && piece != nullptr && number));
    if (lost) {  // its bytes are gone: as if it had never been sent
        peer.count(&Counters::payload_discarded, block.length);
        const bool late = w.ledger.take_withdrawn(peer.key, block);
        const bool owed = w.ledger.cancel(peer.key, block);
        if (late) peer.pipeline.on_late_block(now);
        if (owed) hungry_ = true;
        if (late || owed)
            note_payload(peer, now);
        else
            ++peer.traffic.unrequested;
        return core_.touch(peer);
    }
    const policy::Arrival arrival = w.ledger.on_block(peer.key, block, have()[block.piece], now);
    // Only what we asked for says that the peer gives.
    if (arrival.asked)
        note_payload(peer, now);
    else
        ++peer.traffic.unrequested;
    if (arrival.asked && arrival.verdict != policy::Verdict::accepted) peer.pipeline.on_late_block(now);
    if (arrival.stored()) {
        store(peer, block, arrived, arrival, now);
    } else {
        const bool redundant = arrival.bucket() == policy::PayloadBucket::redundant;
        peer.count(redundant ? &Counters::payload_redundant : &Counters::payload_discarded, block.length);
        if (planted<Plant::duplicate_counted_twice>()) peer.count(&Counters::payload_redundant, block.length);
        peer.spare.reset();
        if (planted<Plant::unrequested_block_kept>()) begin_piece(PieceIndex{geometry_.num_pieces - 1}).slot(0, true);
    }
    core_.touch(peer);
}

void Download::store(Peer& peer, const Block& block, const wire::BlockArrived& arrived, const policy::Arrival& arrival,
                     Time now) {
    PieceJob& piece = *job(block.piece);
    const std::uint32_t number = block.begin / block_size;
    if (arrival.revoked) revoke(arrival.revoked);
    if (Byte* const place = piece.slot(number); arrived.data.data() != place) {
        std::memcpy(place, arrived.data.data(), block.length);
        peer.traffic.copied += block.length;
    }
    peer.spare.reset();
    peer.count(&Counters::payload_partial, block.length);
    peer.snubbed = false;
    if (arrival.verdict == policy::Verdict::accepted) peer.pipeline.on_block(block.length, arrival.waited, now);
    runtime::Tag tag = peer.tag();
    tag.piece = block.piece.value;
    tag.begin = block.begin;
    core_.rt.point(runtime::Point::block_received, tag);
    if (core_.events.wants(EventKind::block_received)) {
        Event event;
        event.block = block;
        event.address = peer.address;
        core_.emit(EventKind::block_received, peer.torrent, std::move(event));
    }
    for (const PeerKey loser : arrival.cancels()) {
        if (planted<Plant::endgame_without_cancel>()) break;
        if (Peer* other = core_.peer(loser)) other->send(wire::Cancel{block});
    }
    if (arrival.piece_complete) on_whole(peer);
    piece.stored(number, arrival.piece_complete);
    if (somebody_waits_) piece.make_room();
}

void Download::revoke(PeerKey key) {
    if (Peer* peer = core_.peer(key)) peer->wire.abandon_sink();
}

// -- what becomes of pieces -------------------------------------------------------------------------------------------

PieceJob* Download::job(PieceIndex piece) {
    if (!work_) return nullptr;
    const auto found = work_->jobs.find(piece);
    return found == work_->jobs.end() ? nullptr : found->second.get();
}

PieceJob& Download::begin_piece(PieceIndex piece) {
    auto& dying = work().dying;
    const std::size_t may_end = work().jobs.size() + work().parking.size() + dying.size() + 1;
    if (dying.capacity() < may_end) dying.reserve(2 * may_end);  // so that no end throws
    auto begun = std::make_unique<PieceJob>(core_, files_, *metainfo_, geometry_, piece, *this, tag_);
    if (const auto left = parked_->find(piece); left != parked_->end()) forget_parked(piece, Flags(left->second));
    auto& slot = work().jobs.emplace(piece, nullptr).first->second;
    slot = std::move(begun);
    return *slot;
}

void Download::end_piece(PieceIndex piece) {
    Work& w = work();
    hungry_ = true;
    memory_freed_ = true;
    w.restored.erase(piece);
    const auto found = w.jobs.find(piece);
    if (found == w.jobs.end()) return;  // memory ran out between the picking of the piece and its job
    core_.unreserve(found->second->reservation());
    if (!found->second->is_idle()) found->second->abandon();
    w.dying.push_back(std::move(
        found->second));  // has room: begin_piece(). Its own handler may be running: freed when the round ends
    w.jobs.erase(found);
}

void Download::on_memory_freed() {
    memory_freed_ = true;
    client_.on_download_idle(core_.now());
}

void Download::free_ended() {
    if (work_) std::erase_if(work_->dying, [](const auto& ended) { return ended->is_idle(); });
}

bool Download::believes_stale_hashes() noexcept { return planted<Plant::stale_hash_believed>(); }

void Download::on_piece_done(PieceJob& done, PieceOutcome outcome, Time now) {
    Work& w = work();
    const PieceIndex piece = done.piece();
    if (const auto found = w.parking.find(piece); found != w.parking.end() && found->second.first.get() == &done) {
        on_parked(done, outcome);
        return client_.on_download_idle(now);
    }
    if (believes_stale_hashes() && outcome == PieceOutcome::abandoned && w.ledger.is_active(piece))
        outcome = PieceOutcome::verified;
    if (outcome == PieceOutcome::abandoned) return client_.on_download_idle(now);
    if (planted<Plant::verdict_needs_sender>() && peers.empty()) return drop_piece(piece, now);
    if (outcome == PieceOutcome::verified) return verified(piece, now);
    if (outcome == PieceOutcome::bad_hash) return failed(done, now);
    const Errc error = done.error();
    const std::string where = done.error_where();
    drop_piece(piece, now);
    client_.on_download_error(error, where, now);
}

void Download::verified(PieceIndex piece, Time now) {
    Work& w = work();
    w.blame.on_verdict(true);
    const bool compare = w.blame.has_failed(piece) && !w.restored.contains(piece);
    if (compare || w.blame.num_suspects() > 0) apply(w.blame.on_verified(piece, blamed(*job(piece), compare)), now);
    move_partial(piece, &Counters::payload_verified);
    w.ledger.on_verified(piece);
    picker_.on_verified(piece);
    end_piece(piece);
    runtime::Tag tag = tag_;
    tag.piece = piece.value;
    core_.rt.point(runtime::Point::piece_verified, tag);
    client_.on_piece_verified(piece, now);
}

void Download::failed(PieceJob& bad, Time now) {
    Work& w = work();
    const PieceIndex piece = bad.piece();
    const auto blocks = blamed(bad, true);
    std::vector<policy::Contribution> from;
    w.ledger.contributions(piece, from);
    std::vector<Endpoint> addresses;
    for (const auto& c : from) {
        if (!c.peer) continue;
        const Peer* peer = core_.peer(c.peer);
        const Endpoint address = peer != nullptr ? peer->address : Endpoint{c.host, 0};
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
    }
    move_partial(piece, &Counters::payload_failed);
    count(&Counters::pieces_failed, 1);
    w.blame.on_verdict(false);
    if (planted<Plant::bad_piece_bans_everyone>())
        for (const auto& c : from) client_.on_guilty(c.host, now);
    const bool known = !w.restored.contains(piece);  // who gave each block
    w.ledger.on_hash_failed(piece);
    picker_.on_returned(piece);
    end_piece(piece);
    client_.on_piece_failed(piece, std::move(addresses), now);
    if (known) apply(w.blame.on_failed(piece, blocks), now);
}

std::vector<policy::BlamedBlock> Download::blamed(const PieceJob& done, bool digests) const {
    std::vector<policy::Contribution> from;
    ledger().contributions(done.piece(), from);
    std::vector<policy::BlamedBlock> out;
    out.reserve(from.size());
    for (const auto& c : from)
        out.push_back({c.block.begin, c.host, digests ? done.digest(c.block.begin / block_size) : 0});
    return out;
}

void Download::apply(const policy::Judgement& judgement, Time now) {
    for (const auto& host : judgement.guilty) client_.on_guilty(host, now);
}

void Download::drop_piece(PieceIndex piece, Time) {
    Work& w = work();
    w.withdrawn.clear();
    std::vector<policy::PeerBlock> revoked;
    move_partial(piece, &Counters::payload_discarded);
    w.ledger.abandon(piece, w.withdrawn, revoked);
    for (const auto& r : revoked) revoke(r.peer);
    send_cancels(w.withdrawn);
    picker_.on_returned(piece);
    end_piece(piece);
}

void Download::count(std::uint64_t Counters::* field, std::int64_t n) noexcept {
    core_.counters.*field += static_cast<std::uint64_t>(n);
    counters_.*field += static_cast<std::uint64_t>(n);
}

// What peers gave to a piece stops being partial: for the torrent, the session and those who are still here.
void Download::move_partial(PieceIndex piece, std::uint64_t Counters::* to) {
    Work& w = work();
    std::vector<policy::Contribution> from;
    w.ledger.contributions(piece, from);
    const auto restored = w.restored.find(piece);
    for (const auto& c : from) {
        const auto n = static_cast<std::int64_t>(c.block.length);
        if (restored != w.restored.end() && restored->second[c.block.begin / block_size] == of_a_record) {
            counters_.payload_partial -= c.block.length;
            counters_.*to += c.block.length;
            continue;
        }
        count(&Counters::payload_partial, -n);
        count(to, n);
        if (Peer* peer = core_.peer(c.peer)) {
            peer->traffic.counters.payload_partial -= c.block.length;
            peer->traffic.counters.*to += c.block.length;
        }
    }
}

// Nobody is suspected, and another piece is on its way, or would be if there were memory, which one that is written
// brings: then that memory is waited for as soon as nothing else happens, unless most of it is with those that come or
// are being written, who have enough to do until then.
runtime::Patience Download::patience() const noexcept {
    const auto brings_another = [this](const auto& item) {
        return !item.second->is_hashing() && (starved_ || !item.second->is_writing());
    };
    const bool may_wait =
        work_ && work_->blame.is_trusting() && std::any_of(work_->jobs.begin(), work_->jobs.end(), brings_another);
    if (!may_wait) return runtime::Patience::none;
    const std::uint64_t under_way = ledger().total_outstanding() * block_size + core_.writing;
    const bool most_is_busy = under_way > 2 * core_.hashing;
    return starved_ && !most_is_busy ? runtime::Patience::while_busy : runtime::Patience::patient;
}

bool Download::is_hashing() const noexcept {
    return work_ && std::any_of(work_->jobs.begin(), work_->jobs.end(),
                                [](const auto& item) { return item.second->is_hashing(); });
}

bool Download::is_writing() const noexcept {
    return work_ && std::any_of(work_->jobs.begin(), work_->jobs.end(),
                                [](const auto& item) { return item.second->is_writing(); });
}

PieceState Download::state(PieceIndex piece) const {
    if (have()[piece]) return PieceState::complete;
    const auto status = ledger().status(piece);
    if (status.progress == policy::PieceProgress::inactive)
        return parked_->contains(piece) ? PieceState::incomplete : PieceState::missing;
    if (status.progress == policy::PieceProgress::verifying) return PieceState::verifying;
    return status.blocks_received > 0 ? PieceState::incomplete : PieceState::missing;
}

PieceStatus Download::status(PieceIndex piece) const {
    const auto active = ledger().status(piece);
    PieceStatus out;
    out.index = piece.value;
    out.size = geometry_.piece_size(piece);
    out.state = state(piece);
    out.blocks_total = geometry_.blocks_in(piece);
    out.blocks_received = out.state == PieceState::complete ? out.blocks_total : active.blocks_received;
    if (const auto left = parked_->find(piece); left != parked_->end())
        out.blocks_received = static_cast<std::uint32_t>(
            std::count_if(left->second.begin(), left->second.end(), [](Byte f) { return f != 0; }));
    out.pending_requests = active.pending_requests;
    std::vector<PeerKey> from;
    ledger().requested_from(piece, from);
    for (const PeerKey key : from)
        if (const Peer* peer = core_.peer(key)) out.requested_from.push_back(peer->address);
    return out;
}

}  // namespace jst::engine
