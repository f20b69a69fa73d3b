// The end of a download: when every missing block is asked for, slow peers are outrun by asking others too.
//
// Entered while every wanted block that a connected peer has is received or asked for, and what is left is at most
// `fraction` of what is wanted and at most `bytes`. Then a block may be asked from up to `copies` peers; with
// `prefer_proven`, peers that gave a verified piece have a head start. The first answer wins, the ledger names the
// CANCELs. Invariants: 1. copies < 2: never a duplicate; 2. no peer is asked twice for one
// block.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/piece_picker.hpp"
#include "policy/request_ledger.hpp"

namespace jst::policy {

struct EndgameSettings {
    std::uint32_t parts_per_million = 1'000'000;  // endgame_fraction
    std::uint64_t bytes = ~std::uint64_t{0};      // endgame_bytes
    std::uint32_t copies = 2;                     // endgame_copies; bounded by max_copies
    bool prefer_proven = true;                    // endgame_prefer_proven
};

class Endgame {
  public:
    /// How long only proven peers are asked for copies, when there are any.
    static constexpr Duration proven_head_start = seconds(2);
    static constexpr Duration overdue_after = seconds(5);
    /// So little is near the end of any torrent: a fraction of a small one would be less than a block.
    static constexpr std::uint64_t always_near = 4 * 16384;

    explicit Endgame(const EndgameSettings& settings = {}) noexcept : settings_(settings) {}
    void configure(const EndgameSettings& settings) noexcept { settings_ = settings; }
    bool is_enabled() const noexcept {
        return settings_.copies > 1 && settings_.parts_per_million > 0 && settings_.bytes > 0;
    }

    /// Also notes when it began.
    bool in_endgame(const PiecePicker& picker, const RequestLedger& ledger, Time now) noexcept;
    /// Asks a peer for which pick() found nothing for blocks that others owe; appends them. Blocks with the fewest
    /// copies first.
    std::uint32_t pick_duplicates(const Asker& asker, std::uint32_t n, const PiecePicker& picker, RequestLedger& ledger,
                                  Time now, std::vector<Block>& out);
    /// For a peer that has nothing else to do: blocks of pieces that have been active, and asked for,
    /// `overdue_after` or longer.
    std::uint32_t pick_overdue(const Asker& asker, std::uint32_t n, const PiecePicker& picker, RequestLedger& ledger,
                               Time now, std::vector<Block>& out) const;
    /// For a peer that has nothing else to do: blocks of `owner`, which has fallen silent, in the order it was asked.
    std::uint32_t pick_stuck(const Asker& asker, PeerKey owner, std::uint32_t n, const PiecePicker& picker,
                             RequestLedger& ledger, Time now, std::vector<Block>& out) const;
    /// When a peer that got nothing should ask again; never when time changes nothing.
    Time deadline() const noexcept { return began_.is_never() ? began_ : began_ + proven_head_start; }

  private:
    std::uint32_t copy(const Asker& asker, std::uint32_t n, Time asked_by, const PiecePicker& picker,
                       RequestLedger& ledger, Time now, std::vector<Block>& out) const;

    EndgameSettings settings_;
    Time began_ = Time::never();
};

}  // namespace jst::policy
