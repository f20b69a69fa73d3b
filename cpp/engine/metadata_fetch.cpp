#include "engine/metadata_fetch.hpp"

#include <algorithm>

#include "base/undo.hpp"

namespace jst::engine {
namespace {

policy::MetadataLimits limits_of(const Settings& s) {
    return {s.max_metadata_size, to_duration(s.metadata_request_timeout)};
}

}  // namespace

MetadataFetch::MetadataFetch(Core& core, const codec::InfoHashes& wanted, Client& client, const runtime::Tag& tag)
    : core_(core),
      wanted_(wanted),
      client_(client),
      tag_(tag),
      plan_(limits_of(core.settings)),
      timer_(
          core.timers,
          [](Timer& t, Time now) {
              auto& fetch = t.owner<MetadataFetch>();
              fetch.plan_.expire(now);
              fetch.pump(now);
          },
          this) {
    timer_.tag = tag;
    hash_.owner = this;
    hash_.tag = tag;
    hash_.on_done = [](runtime::Op& op, Time now) { static_cast<MetadataFetch*>(op.owner)->on_hashed(now); };
}

void MetadataFetch::configure(std::span<const PeerKey> links, Time now) {
    plan_.configure(limits_of(core_.settings));
    for (const PeerKey key : links)
        if (Peer* const peer = core_.peer(key); peer != nullptr && !plan_.knows(key)) on_handshake(*peer, now);
}

void MetadataFetch::end() noexcept {
    ended_ = true;
    timer_.cancel();
    whole_.clear();
    pieces_.clear();
}

// -- facts ------------------------------------------------------------------------------------------------------------

bool MetadataFetch::on_handshake(Peer& peer, Time now) {
    if (ended_) return true;
    const bool serves = peer.extended.id_of(wire::Extension::ut_metadata).value_or(0) != 0;
    if (!serves) {
        if (!plan_.knows(peer.key)) return true;
        on_leave(peer, now);
        return ++peer.metadata.taken_back <= max_offers_taken_back;
    }
    if (!peer.extended.metadata_size) return true;
    const auto offer = plan_.on_offer(peer.key, peer.address.host, *peer.extended.metadata_size, now);
    if (offer == policy::MetadataOffer::taken) pump(now);
    return offer != policy::MetadataOffer::changed;
}

bool MetadataFetch::on_data(Peer& peer, const wire::MetadataData& data, Time now) {
    if (ended_) return true;
    Undo undo([&] { end(); });  // what the plan knows and we have not is not asked for again: another fetch begins
    const auto arrival = plan_.on_data(peer.key, data.piece, data.total_size, now);
    switch (arrival.verdict) {
        case policy::MetadataVerdict::lie:
            undo.keep();
            return false;
        case policy::MetadataVerdict::unasked:
            undo.keep();
            ++peer.metadata.unasked;
            return true;
        case policy::MetadataVerdict::redundant:
            break;
        case policy::MetadataVerdict::stored:
        case policy::MetadataVerdict::whole:
            auto& pieces = pieces_[arrival.attempt];
            if (pieces.size() <= data.piece) pieces.resize(data.piece + 1);
            pieces[data.piece] = to_vector(data.data);
            if (arrival.verdict == policy::MetadataVerdict::whole) whole_.push_back(arrival.attempt);
            hash_next();
    }
    undo.keep();
    pump(now);
    return true;
}

void MetadataFetch::on_reject(Peer& peer, const wire::MetadataReject& reject, Time now) {
    if (ended_) return;
    plan_.on_reject(peer.key, reject.piece, now);
    pump(now);
}

void MetadataFetch::on_leave(const Peer& peer, Time now) {
    if (ended_) return;
    plan_.on_leave(peer.key, now);
    pump(now);
}

// -- asking and hashing -----------------------------------------------------------------------------------------------

void MetadataFetch::pump(Time now) {
    if (ended_) return;
    for (const auto& ask : plan_.ask(now)) {
        Peer* const peer = core_.peer(ask.peer);
        const auto id = peer == nullptr ? std::nullopt : peer->extended.id_of(wire::Extension::ut_metadata);
        if (!id) continue;
        const ByteVector payload = wire::write_ut_metadata(wire::MetadataRequest{ask.piece});
        peer->send(wire::Extended{*id, payload});
    }
    for (const std::uint32_t attempt : plan_.take_dropped()) pieces_.erase(attempt);
    timer_.set(plan_.deadline(now));
}

void MetadataFetch::hash_next() {
    if (hash_.pending || whole_.empty()) return;
    hashing_ = whole_.front();
    whole_.pop_front();
    hashed_ = std::move(pieces_[hashing_]);
    pieces_.erase(hashing_);
    spans_.assign(hashed_.begin(), hashed_.end());
    hash_.spans = spans_;
    hash_.want_sha1 = wanted_.v1.has_value();
    hash_.want_sha256 = wanted_.v2.has_value();
    core_.rt.compute.hash(hash_);
}

bool MetadataFetch::fits() const {
    return (!wanted_.v1 || *wanted_.v1 == hash_.sha1) && (!wanted_.v2 || *wanted_.v2 == hash_.sha256);
}

void MetadataFetch::on_hashed(Time now) {
    const Pieces bytes = std::exchange(hashed_, {});
    if (ended_) return client_.on_metadata_idle(now);
    if (hash_.error != Errc::ok) {  // our own trouble: it says nothing of those who gave the bytes
        end();
        return client_.on_metadata_error(hash_.error, now);
    }
    if (!fits()) {
        // It is what was asked for by the hash that found these peers: the link contradicts itself, and nobody lied.
        if (wanted_.v1 && *wanted_.v1 == hash_.sha1) {
            end();
            return client_.on_metadata_error(Errc::hybrid_mismatch, now);
        }
        for (const auto& host : plan_.on_false(hashing_, now)) client_.on_metadata_liar(host, now);
        hash_next();
        return pump(now);
    }
    end();
    ByteVector info;
    for (const auto& piece : bytes) info.insert(info.end(), piece.begin(), piece.end());
    auto metainfo = codec::parse_info(info);
    if (!metainfo) return client_.on_metadata_error(metainfo.error().code, now);
    client_.on_metadata(std::make_shared<const codec::Metainfo>(std::move(*metainfo)), now);
}

}  // namespace jst::engine
