// Hashes: those of one round together, side by side in lanes, at its end on the engine thread; bulk ones on workers.
//
// A round's share is bounded in time; what is left waits for the next round, which then does not sleep. Patient ones
// wait for company, since a lane that runs alone costs as much as four or sixteen, while the loop is busy or they come
// fast: until all lanes have one, or there are enough bytes, or the first has waited for longest_hold, or one comes
// that is not patient, or in a loop that has nothing else to do the next is late. What feeds one state is done in
// order: while one such operation is on its way, the next is held back.
#pragma once

#include "runtime_asio/crew.hpp"

namespace jst::runtime_asio {

inline constexpr Duration longest_hold = milliseconds(100);
inline constexpr Duration close_together = milliseconds(8);  // one hash after the other: another is near
inline constexpr std::uint64_t most_held_bytes = 16 * 1024 * 1024;

class AsioCompute final : public runtime::Compute {
  public:
    AsioCompute(Reactor& reactor, Crew& crew);

    void hash(runtime::HashOp& op) override;
    std::unique_ptr<runtime::HashState> new_state() override;
    void hash_more(runtime::HashMoreOp& op) override;
    std::size_t pending() const noexcept override { return pending_; }

    /// `busy`: this round had turns and hardly slept before, so waiting for company costs no time.
    void flush(Time until, bool busy);
    /// How long the loop may sleep for all that waits here.
    Duration patience() noexcept;
    void collect();
    void abandon() noexcept;

  private:
    struct HashLane final : Crew::Lane {
        HashLane();
        void work(OpList& batch) noexcept override;
    };
    struct MoreLane final : Crew::Lane {
        MoreLane();
        void work(OpList& batch) noexcept override;
    };

    bool may_hold(bool busy) noexcept;
    OpList next_group();
    void feed();
    void free_states(OpList& ended) noexcept;
    void finish(OpList& ended) noexcept;

    Reactor& reactor_;
    Crew& crew_;
    HashLane lane_;
    MoreLane more_lane_;
    OpList waiting_;
    std::uint64_t waiting_bytes_ = 0;
    Time waiting_since_{0};                                          // of the first that came to an empty list
    runtime::Patience least_patience_ = runtime::Patience::patient;  // of those that wait
    bool is_held_ = false;
    Time last_came_{0};
    bool come_fast_ = false;  // one hash soon after the other, so the next is near
    OpList bulk_;
    OpList more_;
    OpList held_;  // their states are on a worker
    std::size_t pending_ = 0;
};

}  // namespace jst::runtime_asio
