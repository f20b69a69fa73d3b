// The trackers of one torrent: turns what its schedule wants into questions, and answers into addresses and events.
//
// Whom to ask when is tracker::Schedule's, how many may be asked at a time Inquiries'. Knows nothing of HTTP and UDP.
//   run   asks, as long as the torrent has a network      hold   begins nothing, forgets nothing: it goes on soon
//   stop  says goodbye to who knows us
// Invariants: 1. at most one announce and one scrape at a time; 2. one timer, and none while nothing is due; 3. an
// address that is not global is taken only from a tracker that is not either; 4. one that never had a tracker has none
// of what it takes to ask one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/rare.hpp"
#include "engine/core.hpp"
#include "engine/inquiry.hpp"
#include "tracker/schedule.hpp"

namespace jst::engine {

class Torrent;

class Announcer {
  public:
    /// What a client that lacks the metadata says is left: anything but 0, or it would be taken for a seed.
    static constexpr std::uint64_t unknown_left = 16384;
    /// What one that does not listen says: 0 is refused by some trackers, and nobody reaches either.
    static constexpr std::uint16_t no_port = 1;

    using Tiers = std::vector<std::vector<std::string>>;

    Announcer(Core& core, Torrent& torrent, Tiers tiers);

    void run(Time now);
    void hold();
    void stop(Time now);
    /// All pieces of the torrent are there, or not (any more).
    void on_completion(bool all, Time now);
    void request(Time now);
    /// More is wanted than when it was last asked: a seed is given no addresses.
    void want_more(Time now);
    void set_tiers(Tiers tiers, Time now);

    /// A question is out, or waits for its turn, or will in an instant.
    bool is_asking() const noexcept {
        return trackers_ && (trackers_->announce != 0 || trackers_->schedule.is_pausing());
    }
    const Tiers& tiers() const noexcept { return *tiers_; }
    std::vector<TrackerStatus> status(Time now) const;

    // -- for Inquiries
    tracker::Announce compose(InquiryId id);
    void on_answer(InquiryId id, InquiryAnswer answer, Time now);

  private:
    enum class Mode : std::uint8_t { stopped, held, running };

    /// From the first tracker on.
    struct Trackers {
        explicit Trackers(Announcer& announcer);
        tracker::Schedule schedule;
        Timer timer;
        InquiryId announce = 0;
        InquiryId scrape = 0;
        std::optional<tracker::TrackerId> scraped;
    };

    Trackers& trackers();
    Inquiry inquiry(InquiryKind kind, const std::string& url) const;
    tracker::Announce facts(tracker::AnnounceEvent event, const std::string& tracker_id) const;
    void advance(Time now);
    void say_goodbye(const std::vector<tracker::Goodbye>& to, Time now);
    void call_off();
    void on_announced(InquiryAnswer answer, Time now);
    void on_reply(const tracker::AnnounceReply& reply, const Endpoint& from, Time now);
    void on_failure(const std::string& url, std::string why, std::optional<Duration> retry_in, bool never, Time now);
    void take_peers(const tracker::AnnounceReply& reply, const Endpoint& from, Time now);

    Core& core_;
    Torrent& torrent_;
    Rare<Tiers> tiers_;
    std::unique_ptr<Trackers> trackers_;
    Mode mode_ = Mode::stopped;
    bool has_all_ = false;                 // the torrent, as a tracker would be told
    std::uint64_t downloaded_before_ = 0;  // when this run began
    std::uint64_t uploaded_before_ = 0;
};

}  // namespace jst::engine
