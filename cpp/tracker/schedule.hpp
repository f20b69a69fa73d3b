// Which tracker of a torrent is asked when, and with which event (BEP 3, 12, 31).
//
// A round asks in the order of the tiers until one answers, all others before anybody again; the next comes after that
// one's interval. Who fails waits 15 s, doubled with each failure up to an hour, with seeded jitter, or as long as it
// asked for.
// 1. One tracker at a time. 2. Each tracker hears `started` before all else, `completed` once and only when it had
// heard that we were not, `stopped` only after `started`; a lost answer means: said again. 3. The user's wish never
// beats the tracker's min interval. 4. With nothing to ask for deadline() is never. 5. After most_in_haste failures
// without an answer the next is asked slow_step later: a torrent may name one victim a thousand times.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "tracker/announce.hpp"
#include "tracker/tiers.hpp"

namespace jst::tracker {

inline constexpr std::size_t max_trackers = 1024;  // of one torrent; more are left out
inline constexpr Duration first_retry = seconds(15);
inline constexpr Duration longest_retry = seconds(3600);
inline constexpr std::uint32_t most_in_haste = 32;
inline constexpr Duration slow_step = seconds(1);

struct Tracker {
    std::string url;
    std::uint32_t tier = 0;
    bool supported = true;        // http, https or udp
    std::uint16_t failures = 0;   // in a row
    std::uint16_t failed_in = 0;  // the pass
    bool answered = false;        // ever
    bool never = false;           // it asked not to be asked again
    Time retry_at{0};             // not before, by itself
    Time may_again{0};            // not before, even when the user asks
    bool knows_us = false;        // heard `started`
    bool knows_complete = false;  // heard that we have all, one way or the other
    Counts counts;
    std::string message;                   // its last warning or refusal, or what went wrong
    std::string tracker_id;                // to be sent back
    std::optional<IpAddress> external_ip;  // ours, as it said (BEP 24)
};

struct Ask {
    TrackerId tracker;
    AnnounceEvent event = AnnounceEvent::none;
};

/// What to say goodbye to.
struct Goodbye {
    std::string url;
    std::string tracker_id;
};

class Schedule {
  public:
    explicit Schedule(Prng prng) noexcept : prng_(prng) {}

    /// What set_trackers() takes of a list: each URL once, and no more than max_trackers.
    static std::vector<std::vector<std::string>> listed(std::vector<std::vector<std::string>> tiers);
    /// What is known of a URL that stays is kept. Those that went and knew us are given back.
    std::vector<Goodbye> set_trackers(const std::vector<std::vector<std::string>>& tiers, Time now);
    /// From now on trackers are asked, the first at once. `complete`: nothing is left to download.
    void start(bool complete, Time now);
    /// No more; those who know us, or may, are given back and forgotten to do so.
    std::vector<Goodbye> stop();
    /// The download is complete: said at once to all who heard otherwise.
    void on_complete() noexcept { complete_ = true; }
    /// More is wanted after all.
    void on_incomplete() noexcept { complete_ = false; }
    /// The user wants an announce: as soon as the tracker allows. What is out already may say less than he wants to be
    /// said: then it is soon followed by another.
    void request(Time now);
    /// The same, without being the user: who must not be asked, or waits after a failure, still does.
    void hasten(Time now);

    /// Whom to ask now; nobody while an answer is out. To be followed by on_reply, on_failure or withdraw.
    std::optional<Ask> next(Time now);
    void on_reply(const AnnounceReply& reply, Time now);
    /// How long it will not be asked; nothing: for good.
    std::optional<Duration> on_failure(std::string message, std::optional<Duration> retry_in, bool never, Time now);
    /// The question never left us: as if next() had not been asked.
    void withdraw() noexcept {
        asking_.reset();
        wished_ = false;
    }
    /// What is wished up to now is said by the question that is out: it is put into words only now.
    void on_worded() noexcept { wished_ = false; }
    void on_scrape(TrackerId tracker, const Counts& counts);
    /// When next() may have an answer.
    Time deadline() const noexcept;

    const std::optional<Ask>& asking() const noexcept { return asking_; }
    /// Somebody is asked as soon as the slow step is over.
    bool is_pausing() const noexcept { return pausing_; }
    const Tracker* find(TrackerId id) const noexcept;
    const Tiers& order() const noexcept { return tiers_; }
    bool is_running() const noexcept { return running_; }
    /// When this one is asked next, by itself.
    std::optional<Time> next_announce(TrackerId id) const noexcept;

  private:
    bool owes_completed(const Tracker& t) const noexcept { return complete_ && t.knows_us && !t.knows_complete; }
    static bool is_usable(const Tracker& t) noexcept { return t.supported && !t.never; }
    static Time opens_at(const Tracker& t) noexcept;
    Time next_try() const noexcept;
    std::optional<TrackerId> known(const std::string& url) const;

    Prng prng_;
    std::map<std::uint32_t, Tracker> trackers_;
    Tiers tiers_;
    std::uint32_t numbers_ = 0;
    std::optional<Ask> asking_;
    bool asked_complete_ = false;    // what the question that is out says of us
    bool wished_ = false;            // something, since it went out
    std::optional<TrackerId> last_;  // who answered last
    Time next_round_ = Time::never();
    Time not_before_{0};        // after many failures
    std::uint16_t pass_ = 1;    // over all of them, until one answers; begins anew some day
    std::uint8_t in_vain_ = 0;  // failures since the last answer, up to most_in_haste
    bool pausing_ = false;      // until not_before_
    bool running_ = false;
    bool complete_ = false;
};

}  // namespace jst::tracker
