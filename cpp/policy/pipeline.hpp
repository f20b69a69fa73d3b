// How many blocks to have outstanding at one peer.
//
// Starts at 64 blocks and grows by one with each block (doubling in a round trip) until the rate stops rising; then
// twice the blocks that fill the line (best rate of the last seconds x least round trip) plus one second's worth, at
// most `slack_blocks`. A window that is too small is thereby always answered by a larger one: it cannot spiral down. A
// slow peer is asked for a few seconds of work, so that its time-outs stay honest. What timed out still stands in the
// peer's queue, before all that is asked later: it fills the window until it was answered, or until patience is over,
// else a line that is slower than the time-out would be flooded with repeats for ever. Invariants: 1. 1 <= window() <=
// limit; 2. refill() never exceeds it. Does not know which blocks (piece_picker) or which are outstanding
// (request_ledger).
#pragma once

#include <array>
#include <cstdint>

#include "base/time.hpp"

namespace jst::policy {

class Pipeline {
  public:
    static constexpr std::uint32_t start_window = 64;
    static constexpr std::uint32_t least_window = 4;
    static constexpr std::uint32_t slack_blocks = 256;
    static constexpr Duration shortest_epoch = milliseconds(100);
    static constexpr Duration longest_pause = seconds(64);
    static constexpr Duration longest_grace = seconds(30);
    /// Chokes in a row that came before anything of what was asked for; from then on each brings a pause.
    static constexpr std::uint32_t free_chokes = 10;
    static constexpr Duration least_patience = milliseconds(50);
    static constexpr Duration least_patience_if_steady = milliseconds(20);
    static constexpr std::uint32_t steady_from_blocks = 64;
    static constexpr Duration most_patience = seconds(5);

    /// `limit` is max_requests_per_peer. What the peer says (reqq) is clamped to 1..limit.
    explicit Pipeline(std::uint32_t limit = 2000) noexcept;
    void set_limit(std::uint32_t limit) noexcept;
    void on_reqq(std::int64_t reqq) noexcept;

    /// What came before the pause says nothing about the rate now.
    void on_unchoke() noexcept;
    /// It is asked for something.
    void on_asked() noexcept { asked_ = true; }
    /// A block came, `waited` after it was asked for; 0 when unknown (a late one).
    void on_block(std::uint32_t bytes, Duration waited, Time now) noexcept;
    /// A block came that had been given up: it is not silent after all.
    void on_late_block(Time now) noexcept;
    /// So many requests of this peer expired after `timeout`: begin small again, when these were answered or nothing
    /// came for as long. When nothing at all came in that time, ask nothing for as long again, twice as long each time
    /// in a row, so that others get the blocks and nobody waits.
    void on_timeout(Time now, Duration timeout, std::uint32_t blocks = 1) noexcept;
    /// After how long what it was asked for is overdue: `timeout`, twice as long each time that something came all the
    /// same after it was given up, at most longest_grace. Else a line that is slower than a short time-out is filled
    /// with repeats.
    Duration time_limit(Duration timeout) const noexcept;
    /// The peer forgets what it was asked for. When it gave nothing of it, it is asked for half as much next time, and
    /// after many times in a row less often: else ten bytes of a peer that flaps would cost a thousand of ours for
    /// ever.
    void on_choke(Time now) noexcept;
    /// A request was refused though the peer does not choke us: pause for a second, twice as long each time in a row.
    void on_reject(Time now) noexcept;

    std::uint32_t window() const noexcept;
    /// How many to ask for now, with so many outstanding: nothing until a quarter of the window is free, or of `most`.
    std::uint32_t refill(std::uint32_t outstanding, Time now, std::uint32_t most) const noexcept;
    /// While it is in the future, refill() gives 0.
    Time paused_until() const noexcept { return paused_until_; }
    /// It let requests expire and has given nothing since.
    bool is_silent() const noexcept { return silences_ > 0; }
    /// Until then, what expired counts as outstanding.
    Time patient_until() const noexcept { return owed_ == 0 ? Time{0} : patient_until_; }
    bool is_probing() const noexcept { return probing_; }
    std::uint64_t best_rate() const noexcept;
    Duration least_wait() const noexcept { return least_wait_; }
    /// A peer that owes blocks and sends none for so long has fallen silent, by what it did before: 8 times its least
    /// wait, 16 blocks at its best rate, and least_patience or, where that is less, 4 times its longest gap of late.
    /// Those who have nothing else to do need not wait for it any longer.
    Duration stuck_after() const noexcept;

  private:
    void end_epoch(Time now) noexcept;
    void hear(Time now) noexcept;
    void note_gap(Duration waited, Time now) noexcept;
    void fit() noexcept;

    static constexpr std::size_t num_epochs = 8;
    static constexpr std::uint32_t flat_epochs_to_stop = 3;

    std::uint32_t limit_;
    std::uint32_t reqq_;
    std::uint32_t window_ = start_window;
    bool probing_ = true;
    std::uint32_t flat_epochs_ = 0;
    std::uint64_t risen_to_ = 0;  // the rate that the last rise reached
    Duration least_wait_{0};      // 0: not measured
    Duration longest_gap_{0};     // between blocks that were owed all the while; an epoch halves it
    std::uint32_t gaps_ = 0;      // seen, up to steady_from_blocks
    Time epoch_began_{-1};
    std::uint64_t epoch_bytes_ = 0;
    std::array<std::uint64_t, num_epochs> rates_{};
    std::size_t next_rate_ = 0;
    std::uint32_t owed_ = 0;       // expired and not answered
    bool gave_up_ = false;         // requests expired, and nothing late has come since
    std::uint32_t too_early_ = 0;  // so often something came after it was given up
    Duration patience_{0};
    Time patient_until_{0};
    std::uint32_t rejects_ = 0;
    bool asked_ = false;  // since it unchoked us
    bool gave_ = false;
    std::uint32_t in_vain_ = 0;  // chokes without a block before
    std::uint32_t silences_ = 0;
    Time last_block_{-1};
    Time paused_until_{0};
};

}  // namespace jst::policy
