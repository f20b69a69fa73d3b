// Which piece of the metadata to ask which peer for, and whom to blame when it turns out false (BEP 9).
//
// Peers that claim one size work on one attempt together, a few pieces each. When what they made fails the info-hash,
// a sole contributor is guilty; of several nobody is, but from then on each of them makes a whole copy alone, so that
// a lie has one author. Attempts that do not fit into max_size together wait: fewest tries first, then the smallest;
// one that is slow while others wait loses its place, and not sooner once it has something. Whoever rejects or lets a
// request time out is left alone for a while that doubles.
// Knows no bytes, no hash and no link. Invariants: 1. the sizes of admitted attempts add up to at most max_size, or
// one is admitted alone; 2. at most max_asked requests are out to a peer, at most max_copies for a piece of an attempt;
// 3. each failed hash costs a host its place, or its size the trust; 4. of a peer nothing is kept once it left.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/endpoint.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"

namespace jst::policy {

struct MetadataLimits {
    std::uint64_t max_size = 0;
    Duration request_timeout;
};

/// To be sent; entered already.
struct MetadataAsk {
    PeerKey peer;
    std::uint32_t piece = 0;
};

enum class MetadataOffer : std::uint8_t {
    taken,      // the peer may be asked from now on
    known,      // it said so before
    changed,    // it said another size before: one of the two is a lie
    too_large,  // beyond max_size: it is not asked
};

enum class MetadataVerdict : std::uint8_t {
    stored,     // keep the bytes under `attempt`
    whole,      // the same, and the attempt has all its pieces: hash it
    redundant,  // asked for, but another was faster
    unasked,    // dropped; the owner counts them
    lie,        // not of the size that the peer claims
};

struct MetadataArrival {
    MetadataVerdict verdict = MetadataVerdict::unasked;
    std::uint32_t attempt = 0;
};

class MetadataPlan {
  public:
    static constexpr std::uint32_t piece_size = 16384;
    static constexpr std::uint32_t max_asked = 4;
    static constexpr std::uint32_t max_copies = 2;
    /// Whole copies made alone at the same time, for one claimed size.
    static constexpr std::uint32_t max_alone = 4;
    /// An attempt that others wait for has so many request_timeouts to end, and twice as many each time it did not.
    static constexpr std::int64_t patience = 6;
    static constexpr std::uint32_t most_doublings = 5;
    /// Refusals in a row after which the wait for a peer no longer doubles.
    static constexpr std::uint32_t most_strikes = 5;
    /// Attempts that are kept although everybody who worked on them left.
    static constexpr std::uint32_t max_abandoned = 4;

    explicit MetadataPlan(const MetadataLimits& limits) noexcept : limits_(limits) {}
    void configure(const MetadataLimits& limits) noexcept { limits_ = limits; }

    MetadataOffer on_offer(PeerKey peer, const IpAddress& host, std::uint32_t size, Time now);
    void on_leave(PeerKey peer, Time now);
    MetadataArrival on_data(PeerKey peer, std::uint32_t piece, std::uint32_t total_size, Time now);
    void on_reject(PeerKey peer, std::uint32_t piece, Time now);
    /// Requests that are overdue go back to whoever may be asked.
    void expire(Time now);
    /// The bytes of the attempt are not the metadata. Who is guilty for certain; its peers are not asked any more.
    std::vector<IpAddress> on_false(std::uint32_t attempt, Time now);

    /// All requests that can be made now.
    std::vector<MetadataAsk> ask(Time now);
    /// Attempts whose bytes are worthless by now, each once.
    std::vector<std::uint32_t> take_dropped() noexcept { return std::exchange(dropped_, {}); }
    /// When expire() or ask() has something to do at the latest.
    Time deadline(Time now) const noexcept;

    /// Pieces of the attempt that is furthest: received, and all of them.
    std::pair<std::uint32_t, std::uint32_t> progress() const noexcept;
    bool knows(PeerKey peer) const noexcept { return const_cast<MetadataPlan*>(this)->source(peer) != nullptr; }
    /// It has the metadata as far as anybody can tell: it gave what it was last asked for, or was not asked yet.
    bool serves(PeerKey peer) const noexcept;
    std::size_t num_sources() const noexcept { return sources_.size(); }
    /// Bytes that all attempts together have received.
    std::uint64_t held() const noexcept;
    std::uint32_t asked_of(PeerKey peer) const noexcept;

  private:
    struct Asked {
        std::uint32_t piece = 0;
        Time at;
    };
    struct Source {
        PeerKey peer;
        IpAddress host;
        std::uint32_t size = 0;
        std::vector<Asked> asked;
        std::vector<std::uint32_t> late;  // timed out lately: an answer is still welcome
        std::uint32_t strikes = 0;        // refusals in a row
        Time paused_until{0};
    };
    struct Attempt {
        std::uint32_t id = 0;
        std::uint32_t size = 0;
        PeerKey alone;  // who makes it alone; nobody: all of its size
        std::vector<bool> received;
        std::uint32_t missing = 0;
        std::vector<IpAddress> from;  // hosts that contributed
        std::uint32_t tries = 0;
        bool admitted = false;
        bool whole = false;  // with the hash
        Time began;
        std::vector<std::uint8_t> copies;  // requests out for each piece, while ask() runs
    };

    Source* source(PeerKey peer) noexcept;
    Attempt* attempt_of(const Source& source) noexcept;
    void prepare(Time now);
    void add_attempt(std::uint32_t size, PeerKey alone, Time now);
    void admit(Time now);
    void clear(Attempt& attempt);
    void drop_abandoned();
    bool is_distrusted(std::uint32_t size) const noexcept;
    void demote_slow(Time now);
    Time patient_until(const Attempt& attempt) const noexcept;
    bool is_served(const Attempt& attempt) const noexcept;
    bool works(const Attempt& attempt, Time now) const noexcept;
    void count_copies();
    static std::optional<std::uint32_t> next_piece(const Source& source, const Attempt& attempt);
    void refuse(Source& source, Time now);

    MetadataLimits limits_;
    std::vector<Source> sources_;            // in the order of offers
    std::vector<Attempt> attempts_;          // in the order of admission
    std::vector<std::uint32_t> distrusted_;  // sizes
    std::vector<std::uint32_t> dropped_;
    std::uint32_t next_attempt_ = 1;
    bool contended_ = false;  // an attempt waits for room
};

}  // namespace jst::policy
