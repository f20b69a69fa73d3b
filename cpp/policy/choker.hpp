// Whom we upload to: tit-for-tat or round-robin over a few slots, plus optimistic ones (BEP 3, "Choking and optimistic
// unchoking").
//
// Tit-for-tat: the peers that give us most hold the regular slots, judged every choke_interval; an optimistic slot
// moves on every optimistic_interval, new peers thrice as likely. Round-robin (for seeding): who was choked longest is
// next, each turn lasts an optimistic_interval. A slot that becomes free between is filled at once. Invariants: 1.
// never more unchoked than slots; 2. only interested peers hold one; 3. same facts and same Prng, same answer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/prng.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"

namespace jst::policy {

enum class ChokeRule : std::uint8_t { tit_for_tat, round_robin };

struct ChokerSettings {
    ChokeRule rule = ChokeRule::tit_for_tat;
    std::optional<std::uint32_t> slots = 4;  // none: every interested peer; 0: nobody, optimistic neither
    std::uint32_t optimistic_slots = 1;      // on top of them
    Duration choke_interval = seconds(10);
    Duration optimistic_interval = seconds(30);
};

struct ChokeFacts {
    PeerKey peer;
    bool interested = false;      // in us
    bool unchoked = false;        // by us, now
    bool snubbed = false;         // owes us blocks: only the optimistic slot
    std::uint64_t rate_from = 0;  // what it gives us, bytes per second
    Time connected_at;
    Time changed_at;  // when we last choked or unchoked it; connected_at when never
};

struct ChokeDecision {
    std::vector<PeerKey> choke;
    std::vector<PeerKey> unchoke;
};

class Choker {
  public:
    /// So long after connecting a peer is new: thrice as likely to be the optimistic one.
    static constexpr Duration new_for = seconds(60);
    static constexpr std::uint64_t new_weight = 3;

    explicit Choker(const ChokerSettings& settings = {}) noexcept : settings_(settings) {}
    /// Takes effect at the next decide(), which then judges anew.
    void configure(const ChokerSettings& settings) noexcept;

    /// Call at deadline(), and whenever a peer leaves or its interest changes. The owner carries out the whole answer.
    ChokeDecision decide(std::span<const ChokeFacts> peers, Time now, Prng& prng);
    /// When to judge again; never while nobody is interested.
    Time deadline() const noexcept;
    bool is_optimistic(PeerKey peer) const noexcept;

  private:
    using Places = std::vector<std::size_t>;  // into the facts
    Places tit_for_tat(std::span<const ChokeFacts> peers, bool judging, bool rotating, Time now, Prng& prng);
    Places round_robin(std::span<const ChokeFacts> peers, bool judging, Time now) const;
    void add_optimistic(std::span<const ChokeFacts> peers, Places& chosen, std::span<const PeerKey> previous, Time now,
                        Prng& prng);

    ChokerSettings settings_;
    std::vector<PeerKey> optimistic_;
    bool idle_ = false;  // nobody was interested
    Time next_judgement_{0};
    Time next_rotation_{0};
};

}  // namespace jst::policy
