// Which slow peer makes room for an untried address, if any.
//
// Only when addresses wait to be dialled, we are not held back by our own limits, and others prove that better is
// possible: the mean of the other peers is `slower_by` times its rate, for `patience` after a `grace` since connecting.
// Never the only source of a piece that we want, never below two peers. One at a time, `pause` apart: closed within 30
// s, without churn. Invariants: 1. no candidates, no answer; 2. a sole peer is never the answer; 3. ties end in the
// key.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/slot_map.hpp"
#include "base/time.hpp"

namespace jst::policy {

struct LinkFacts {
    PeerKey peer;
    Time connected_at;
    std::uint64_t rate = 0;    // payload from it, bytes per second over the last seconds
    bool sole_source = false;  // of a piece that we want
};

struct UselessFacts {
    PeerKey peer;
    Time useful_until;  // connected then, or gave something then; it has nothing that we want
};

/// Which of those who have nothing for us make room when no more links are allowed and addresses wait: the ones idle
/// for longest, at most most_useless_at_once and never more than wait.
std::vector<PeerKey> choose_useless(std::vector<UselessFacts> peers, std::size_t candidates_waiting, Time now);

struct SilentFacts {
    PeerKey peer;
    Time connected_at;           // it has something that we want
    std::uint64_t received = 0;  // payload, ever
    bool lets_wait = false;      // it chokes us, owes us or gave a reason to pause: that nothing comes is not our doing
    bool ignores = false;        // it let requests expire and has given nothing since
};

/// Who makes room when no more links are allowed, addresses wait, and nothing has come from anybody for `silence`: the
/// one that gave least, of equals the oldest. To unchoke is not to give. A mean of nothing proves nothing, so
/// Replacement keeps them all; three that only hold their places would keep everybody else out. Also a sole source: it
/// gives nothing.
std::optional<PeerKey> choose_silent(std::span<const SilentFacts> peers, Time last_payload, Time now);

/// Whose link is to be made anew when nothing has come from anybody for `deafness`: of those who ignore what they are
/// asked. What was damaged on its way may have left a link where the other side waits for the rest of a message for
/// ever.
std::vector<PeerKey> choose_deaf(std::span<const SilentFacts> peers, Time last_payload, Time now);

struct IdleFacts {
    PeerKey peer;
    Time since;            // connected, or unchoked and has not asked
    bool is_mute = false;  // said nothing since its handshake
};

/// Whose link a newcomer may have when all are taken, of those with whom nothing ever happened: the mute after
/// mute_grace, others after grace; the mute first, then who has been idle longest.
std::optional<PeerKey> choose_for_newcomer(std::span<const IdleFacts> idle, Time now);

struct ExcessFacts {
    PeerKey peer;
    std::uint64_t rate = 0;  // payload both ways, bytes per second over the last seconds
    Time connected_at;
};

/// Who goes when a limit was lowered: the slowest, of equals the newest.
std::vector<PeerKey> choose_excess(std::vector<ExcessFacts> peers, std::uint64_t excess);

class Replacement {
  public:
    static constexpr Duration grace = seconds(10);
    static constexpr Duration mute_grace = seconds(1);  // whoever has something to say says it with the handshake
    static constexpr Duration patience = seconds(8);
    static constexpr Duration silence =
        seconds(60);  // an honest peer with four slots has got round to a few others by then
    static constexpr Duration deafness = seconds(300);  // several time-outs, each with twice the pause behind it
    static constexpr Duration pause = seconds(5);
    static constexpr Duration interval = seconds(2);
    static constexpr std::uint64_t slower_by = 5;
    static constexpr std::size_t most_useless_at_once = 8;

    /// Ask every `interval` while downloading. The peer to close as `replaced`.
    std::optional<PeerKey> choose(std::span<const LinkFacts> peers, std::size_t candidates_waiting, bool self_throttled,
                                  Time now);

  private:
    struct Slow {
        PeerKey peer;
        Time since;
    };
    std::vector<Slow> slow_;
    Time next_{0};
};

}  // namespace jst::policy
