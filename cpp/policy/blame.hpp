// Who sent bad data. A failed piece with one contributor proves its guilt; with several, all are suspects and go on
// parole: they get whole pieces alone, so that the next failure proves who it was and the next success clears them.
//
// Of pieces that several failed a digest per block is kept: when the piece verifies later, whoever sent something else
// lied. How many failed a piece alone says nothing for them: any number of hosts may lie. A disk that gave back other
// bytes than it was given never comes here (piece_job.hpp). Invariants: 1. nobody is guilty on suspicion; 2. tables are
// bounded: max_suspects hosts, max_failed_pieces pieces (the oldest go), max_failed_blocks digests for a piece. Does
// not ban (bans.hpp) and does not hash: a digest is any 64 bits of the data.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"

namespace jst::policy {

inline constexpr std::size_t max_suspects = 1024;
inline constexpr std::size_t max_failed_pieces = 64;
inline constexpr std::size_t max_failed_blocks = 4096;
/// So many good pieces in a row, and the verdict on the next one may wait a little.
inline constexpr std::uint32_t trust_after = 8;

struct BlamedBlock {
    std::uint32_t begin = 0;
    IpAddress host;
    std::uint64_t digest = 0;
};

struct Judgement {
    std::vector<IpAddress> guilty;   // proven: bad_data
    std::vector<IpAddress> paroled;  // new suspects
    std::vector<IpAddress> cleared;  // no longer on parole
};

class Blame {
  public:
    /// A piece failed its hash; who sent which block.
    Judgement on_failed(PieceIndex piece, std::span<const BlamedBlock> blocks);
    /// A piece verified. The digests matter only when has_failed(piece).
    Judgement on_verified(PieceIndex piece, std::span<const BlamedBlock> blocks);
    void on_verdict(bool good) noexcept { good_in_a_row_ = good ? good_in_a_row_ + 1 : 0; }
    bool is_trusting() const noexcept { return good_in_a_row_ >= trust_after; }
    /// Digests of this piece's blocks will be compared.
    bool has_failed(PieceIndex piece) const noexcept { return failed_.contains(piece); }
    bool is_on_parole(const IpAddress& host) const noexcept;
    std::uint32_t failures(const IpAddress& host) const noexcept;
    std::size_t num_suspects() const noexcept { return suspects_.size(); }
    std::size_t num_failed_pieces() const noexcept { return failed_.size(); }
    /// Unbanned or banned by the user: the record is closed.
    void forget(const IpAddress& host);

  private:
    struct Suspect {
        std::uint32_t failures = 0;
        bool on_parole = false;
        std::uint64_t serial = 0;
    };
    struct FailedPiece {
        std::vector<BlamedBlock> blocks;
        std::uint64_t serial = 0;
    };

    static std::vector<IpAddress> liars(const FailedPiece& failed, std::span<const BlamedBlock> good);
    bool has_part_in_failure(const IpAddress& host) const noexcept;
    Suspect& suspect(const IpAddress& host);
    FailedPiece& failed_piece(PieceIndex piece);

    std::map<IpAddress, Suspect> suspects_;
    std::map<PieceIndex, FailedPiece> failed_;
    std::uint64_t next_serial_ = 0;
    std::uint64_t good_in_a_row_ = 0;
};

}  // namespace jst::policy
