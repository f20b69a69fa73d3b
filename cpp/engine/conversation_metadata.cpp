// Conversation's other half: the extended handshake, the exchange of metadata, and what a peer says before there is
// any.
#include <algorithm>

#include "base/planted.hpp"
#include "engine/conversation.hpp"
#include "engine/torrent.hpp"
#include "wire/ut_metadata.hpp"

namespace jst::engine {

using wire::Extension;

namespace {

/// What a peer need not have taken yet before its requests for metadata go unanswered: it may come over hundreds of
/// links, and no other limit counts that memory.
constexpr std::uint64_t max_untaken_metadata = 256 * 1024;

}  // namespace

// -- the extended handshake -------------------------------------------------------------------------------------------

void Conversation::say_extended(Peer& peer) {
    if (!peer.theirs.extended()) return;
    wire::ExtendedHandshake mine;
    mine.client = core_.settings.user_agent;
    mine.reqq = static_cast<std::uint32_t>(std::min<std::uint64_t>(core_.settings.max_queued_requests, wire::max_reqq));
    mine.listen_port = core_.listen_port;
    mine.your_ip = peer.address.host;
    if (torrent_.is_complete()) mine.upload_only = true;
    const Bytes info = torrent_.shared_info();
    if (!torrent_.has_metadata() || !info.empty())
        mine.set_id(Extension::ut_metadata, wire::our_id(Extension::ut_metadata));
    if (!info.empty()) mine.metadata_size = static_cast<std::uint32_t>(info.size());
    const ByteVector payload = wire::write_extended_handshake(mine);
    peer.send(wire::Extended{wire::extended_handshake_id, payload});
}

void Conversation::on_extended(Peer& peer, const wire::Extended& message, Time now) {
    if (message.id != wire::extended_handshake_id) {
        if (wire::extension_of(message.id) == Extension::ut_metadata) on_metadata(peer, message.payload, now);
        return;
    }
    auto said = wire::parse_extended_handshake(message.payload);
    if (!said || !peer.may_ask()) return breach(peer, now);
    const auto size = peer.extended.metadata_size;
    peer.extended.merge(*said);
    if (size && peer.extended.metadata_size != size) return breach(peer, now);  // one of the two is a lie
    if (peer.extended.reqq) peer.pipeline.on_reqq(*peer.extended.reqq);
    if (peer.incoming && peer.extended.listen_port)
        torrent_.swarm().on_listen_address(peer, {peer.address.host, *peer.extended.listen_port}, now);
    if (MetadataFetch* fetch = torrent_.fetch())
        if (!fetch->on_handshake(peer, now)) breach(peer, now);
}

// -- ut_metadata ------------------------------------------------------------------------------------------------------

void Conversation::on_metadata(Peer& peer, Bytes payload, Time now) {
    const auto message = wire::parse_ut_metadata(payload);
    if (!message) return breach(peer, now);
    MetadataFetch* const fetch = torrent_.fetch();
    if (const auto* request = std::get_if<wire::MetadataRequest>(&*message))
        return on_metadata_request(peer, request->piece, now);
    if (const auto* data = std::get_if<wire::MetadataData>(&*message)) {
        if (fetch == nullptr)
            ++peer.metadata.unasked;
        else if (!fetch->on_data(peer, *data, now))
            return breach(peer, now);
        if (!peer.closed && peer.metadata.unasked > max_unasked_metadata) breach(peer, now);
        return;
    }
    const auto* reject = std::get_if<wire::MetadataReject>(&*message);
    if (reject != nullptr && fetch != nullptr) fetch->on_reject(peer, *reject, now);
}

// A peer is served the whole a few times over, and only as fast as it takes it: what it asks for beyond is refused.
void Conversation::on_metadata_request(Peer& peer, std::uint32_t piece, Time now) {
    const auto id = peer.extended.id_of(Extension::ut_metadata);
    if (!id || *id == 0) return;
    const Bytes info = torrent_.shared_info();
    const auto size = static_cast<std::uint32_t>(info.size());
    const std::uint32_t length = wire::metadata_piece_length(piece, size);
    const std::uint64_t most = std::uint64_t{max_metadata_copies} * (size / wire::metadata_piece_size + 1);
    const auto& out = peer.link->out();
    const std::uint64_t untaken = out.pending_bytes() - out.pending_payload();
    const bool flooded = untaken > std::min<std::uint64_t>(max_untaken_metadata, core_.settings.max_send_buffer);
    ByteVector payload;
    if (length == 0 || flooded || peer.metadata.served >= most) {
        if (!info.empty() && ++peer.traffic.bad_requests > max_bad_requests) return breach(peer, now);
        if (flooded) return;
        payload = wire::write_ut_metadata(wire::MetadataReject{piece});
    } else {
        ++peer.metadata.served;
        const Bytes data = info.subspan(std::size_t{piece} * wire::metadata_piece_size, length);
        payload = wire::write_ut_metadata(wire::MetadataData{piece, size, data});
    }
    peer.send(wire::Extended{*id, payload});
}

// -- before the pieces are known --------------------------------------------------------------------------------------

// True when the message is dealt with: remembered, ignored or a breach.
bool Conversation::hear_early(Peer& peer, const wire::Message& message, Time now) {
    if (!peer.metadata.early) return false;
    auto& claims = *peer.metadata.early;
    const std::size_t before = claims.memory();
    bool fine = true;
    if (const auto* bits = std::get_if<wire::BitfieldMessage>(&message)) {
        fine = (peer.claims.may_claim || may_say_again(peer, claims.is_within(bits->bits))) &&
               claims.on_bitfield(bits->bits);
    } else if (const auto* have = std::get_if<wire::Have>(&message)) {
        fine = claims.on_have(have->piece);
    } else if (const bool all = std::holds_alternative<wire::HaveAll>(message);
               all || std::holds_alternative<wire::HaveNone>(message)) {
        fine = peer.claims.may_claim && peer.fast();
        claims.on_all(all);
    } else if (const auto* allowed = std::get_if<wire::AllowedFast>(&message)) {
        claims.on_allowed_fast(allowed->piece);
    } else if (std::holds_alternative<wire::Request>(message)) {
        fine = ++peer.traffic.bad_requests <= max_bad_requests;
    } else {
        return std::holds_alternative<wire::Cancel>(message) || std::holds_alternative<wire::Reject>(message);
    }
    early_memory_ += claims.memory() - before;
    if (!fine)
        breach(peer, now);
    else if (early_memory_ > policy::max_early_memory)
        torrent_.swarm().close(greediest(peer), CloseReason::limit, now);
    return true;
}

// Who said most, of equals who says more just now: else a few that say all they may would keep everybody else out.
Peer& Conversation::greediest(Peer& speaker) const {
    Peer* most = &speaker;
    for (const PeerKey key : torrent_.swarm().links()) {
        Peer* const other = core_.peer(key);
        if (other == nullptr || !other->metadata.early) continue;
        if (other->metadata.early->memory() > most->metadata.early->memory()) most = other;
    }
    return *most;
}

// Payload that nobody can have asked for.
void Conversation::drop_early(Peer& peer, const wire::BlockArrived& arrived, Time now) {
    peer.count(&Counters::payload_received, arrived.block.length);
    peer.count(&Counters::payload_discarded, arrived.block.length);
    if (++peer.traffic.unrequested > max_unrequested_blocks) breach(peer, now);
}

void Conversation::forget_early(Peer& peer) noexcept {
    if (!peer.metadata.early) return;
    early_memory_ -= peer.metadata.early->memory();
    peer.metadata.early.reset();
}

void Conversation::on_metadata_known() {
    for (const PeerKey key : torrent_.swarm().links()) {
        Peer* const peer = core_.peer(key);
        if (peer != nullptr && peer->is_connected()) say_extended(*peer);
    }
}

void Conversation::on_pieces_known(Time now) {
    const std::vector<PeerKey> links = torrent_.swarm().links();
    for (const PeerKey key : links) {
        Peer* const peer = core_.peer(key);
        if (peer != nullptr && peer->metadata.early) judge_early(*peer, now);
    }
}

void Conversation::judge_early(Peer& peer, Time now) {
    auto& download = torrent_.download();
    const auto allowed = peer.metadata.early->allowed_fast();
    auto have = peer.metadata.early->judge(torrent_.metainfo().num_pieces());
    forget_early(peer);
    if (planted<Plant::early_claims_forgotten>()) have = Bitfield(torrent_.metainfo().num_pieces());
    if (!have) return breach(peer, now);
    download.on_join(peer);
    const Bitfield& ours = torrent_.have();
    for (auto piece = ours.next_set(PieceIndex{0}); piece.value < ours.size(); piece = ours.next_set(++piece))
        peer.send(wire::Have{piece});
    for (const PieceIndex piece : allowed) download.on_allowed_fast(peer, piece);
    download.on_claims(peer, std::move(*have), now);
    if (peer.choking.peer_choking) return;
    download.on_unchoked(peer, now);
    download.refill(peer, now);
}

}  // namespace jst::engine
