// Conditions that someone waits for; judged on the engine thread at the end of a round.
//
// An Until holds when its question about the session is answered with yes. A TorrentWait is about one torrent: it keeps
// how it ended and the status of that moment. It is judged only in rounds that may have changed the answer.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "bind/exchange.hpp"
#include "bind/remains.hpp"
#include "engine/session.hpp"

namespace jst::bind {

/// What the round that ends now was about.
struct Round {
    Time now;
    bool commanded = false;           // commands ran: anything may have changed
    std::vector<TorrentKey> touched;  // torrents with events that waits listen to
};

class Until : public Signal {
  public:
    using Signal::Signal;
    /// True when it holds; then it is raised and not asked again before it is lowered.
    virtual bool judge(const engine::Session& session, const Round& round) = 0;
    /// Events that must be made for it.
    virtual std::uint32_t kinds() const noexcept { return 0; }
    /// The session is gone: nothing will be judged any more.
    virtual void give_up() {}
};

class SessionUntil final : public Until {
  public:
    using Question = std::function<bool(const engine::Session&)>;
    SessionUntil(std::shared_ptr<Exchange> exchange, Question question)
        : Until(std::move(exchange)), question_(std::move(question)) {}
    bool judge(const engine::Session& session, const Round&) override { return question_(session); }

  private:
    Question question_;
};

enum class Goal : std::uint8_t { complete, metadata, piece, state, change };
enum class Outcome : std::uint8_t { pending, met, failed, removed, closed };

class TorrentWait final : public Until {
  public:
    TorrentWait(std::shared_ptr<Exchange> exchange, TorrentKey torrent, Goal goal, PieceIndex piece,
                engine::State state, Duration pace)
        : Until(std::move(exchange)), torrent_(torrent), goal_(goal), piece_(piece), state_(state), pace_(pace) {}

    bool judge(const engine::Session& session, const Round& round) override;
    std::uint32_t kinds() const noexcept override;
    void give_up() override;

    // -- under the mutex
    Outcome outcome() const noexcept { return outcome_; }
    const engine::TorrentStatus& status() const noexcept { return status_; }
    /// The same question when the engine is gone: what holds, holds; all else is closed.
    void judge_remains(const Remains& remains);
    /// Waits for the next change, not before its pace is over.
    void rearm();

  private:
    template <class Source>
    bool is_met(const Source& source) const;
    template <class Source>
    void conclude(const Source& source);

    TorrentKey torrent_;
    Goal goal_;
    PieceIndex piece_;
    engine::State state_;
    Duration pace_;  // of `change`: the least time between two answers
    Time next_;
    bool first_ = true;
    bool is_over_ = false;  // nothing will be judged any more
    Outcome outcome_ = Outcome::pending;
    engine::TorrentStatus status_;
};

}  // namespace jst::bind
