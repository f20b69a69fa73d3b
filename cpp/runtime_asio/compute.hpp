// Hashes: those of one round together, side by side in lanes, at its end on the engine thread; bulk ones on workers.
//
// A round's share is bounded in time; what is left waits for the next round, which then does not sleep.
#pragma once

#include "runtime_asio/crew.hpp"

namespace jst::runtime_asio {

class AsioCompute final : public runtime::Compute {
  public:
    /// So many messages are handed to the lanes at once.
    static constexpr std::size_t most_lanes = 16;

    AsioCompute(Reactor& reactor, Crew& crew);

    void hash(runtime::HashOp& op) override;
    std::unique_ptr<runtime::HashState> new_state() override;
    void hash_more(runtime::HashMoreOp& op) override;
    std::size_t pending() const noexcept override { return pending_; }

    void flush(Time until);
    bool has_work() const noexcept { return !waiting_.empty() || !more_.empty() || !bulk_.empty(); }
    void collect();
    void abandon() noexcept;

  private:
    struct HashLane final : Crew::Lane {
        HashLane() noexcept : Lane(most_lanes) {}
        void work(OpList& batch) noexcept override;
    };

    Reactor& reactor_;
    Crew& crew_;
    HashLane lane_;
    OpList waiting_;
    OpList more_;
    OpList bulk_;
    std::size_t pending_ = 0;
};

}  // namespace jst::runtime_asio
