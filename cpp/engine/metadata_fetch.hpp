// Fetches the metadata of a magnet link from the peers of its torrent (BEP 9), until it fits the info-hash.
//
// Joins MetadataPlan, which decides whom to ask for what, with links, bytes and the hash. Upward it only says what came
// of it (Client). Knows no files. Invariants: 1. at most max_metadata_size bytes of requested pieces are held, plus
// what is being hashed; 2. one hash at a time, whose bytes nobody touches; 3. on_metadata comes at most once, and
// nothing after end().
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "codec/metainfo.hpp"
#include "engine/peer.hpp"
#include "policy/metadata_plan.hpp"
#include "wire/ut_metadata.hpp"

namespace jst::engine {

class MetadataFetch {
  public:
    struct Client {
        virtual ~Client() = default;
        /// Its hash is right, and it can be used.
        virtual void on_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now) = 0;
        /// Its hash is right, and it can not be used.
        virtual void on_metadata_error(Errc error, Time now) = 0;
        /// Alone, this host gave bytes that are not the metadata.
        virtual void on_metadata_liar(const IpAddress& host, Time now) = 0;
        /// The last operation has ended, after end().
        virtual void on_metadata_idle(Time now) = 0;
    };

    MetadataFetch(Core& core, const codec::InfoHashes& wanted, Client& client, const runtime::Tag& tag);

    /// What the peer's extended handshake says now. False: it said another size before, or took back too many offers.
    bool on_handshake(Peer& peer, Time now);
    /// False: data that is not of the size that the peer claims.
    bool on_data(Peer& peer, const wire::MetadataData& data, Time now);
    void on_reject(Peer& peer, const wire::MetadataReject& reject, Time now);
    void on_leave(const Peer& peer, Time now);
    /// Who offered what was too much until now is asked as well.
    void configure(std::span<const PeerKey> links, Time now);
    /// The metadata is there, from wherever.
    void end() noexcept;

    /// It claims to have the metadata, and nothing speaks against it.
    bool serves(const Peer& peer) const noexcept { return plan_.serves(peer.key); }
    bool has_ended() const noexcept { return ended_; }
    bool is_idle() const noexcept { return !hash_.pending; }
    /// Pieces received, and all of them, of what is furthest.
    std::pair<std::uint32_t, std::uint32_t> progress() const noexcept { return plan_.progress(); }

  private:
    using Pieces = std::vector<ByteVector>;

    void pump(Time now);
    void hash_next();
    void on_hashed(Time now);
    bool fits() const;

    Core& core_;
    codec::InfoHashes wanted_;
    Client& client_;
    runtime::Tag tag_;
    policy::MetadataPlan plan_;
    std::map<std::uint32_t, Pieces> pieces_;  // by attempt
    std::deque<std::uint32_t> whole_;         // to be hashed
    std::uint32_t hashing_ = 0;               // the attempt
    Pieces hashed_;
    std::vector<Bytes> spans_;
    runtime::HashOp hash_;
    bool ended_ = false;
    Timer timer_;
};

}  // namespace jst::engine
