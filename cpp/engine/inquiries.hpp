// All questions to trackers that are out or wait for their turn, over all torrents of a session.
//
// Decides who may ask now: trackers take turns, those of one tracker wait in line. How a question is put is HttpFetch's
// and UdpAsk's, what it says and what the answer means the announcer's. Invariants: 1. at most most_at_once are out,
// and most_per_tracker with one, so that a tracker that is silent delays only itself; 2. an answer is told once, by
// key, and never within ask(); 3. nobody announces a torrent where a goodbye of it is still under way; 4. a goodbye is
// given up after `stopped_announce_timeout`, sent or not.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/inquiry.hpp"
#include "engine/udp_asker.hpp"

namespace jst::engine {

class Inquiries {
  public:
    static constexpr std::size_t most_at_once = 64;
    static constexpr std::size_t most_per_tracker = 8;
    /// That were given up while the look-up of a name went on; beyond it nothing new is begun.
    static constexpr std::size_t most_lingering = 256;

    explicit Inquiries(Core& core);
    ~Inquiries();

    InquiryId ask(Inquiry inquiry, Time now);
    /// Its answer is not wanted any more. True when the question may have reached the tracker.
    bool cancel(InquiryId id);
    /// It has not had its turn yet.
    bool is_waiting(InquiryId id) const { return waiting_.contains(id); }
    /// At the end of a round: whose turn it is.
    void pump(Time now);
    /// The session closes: goodbyes are all that is still said, those under way as well for at most so long.
    void begin_close(Duration goodbye_limit, Time now);
    /// When it is quiet.
    void close_sockets();
    /// All ends, nothing is sent any more.
    void abort();

    std::size_t running() const noexcept { return running_.size(); }
    std::size_t waiting() const noexcept { return waiting_.size(); }
    /// Nothing is asked and nothing waits.
    bool is_quiet() const noexcept { return running_.empty() && waiting_.empty(); }
    /// And no operation is out, but for look-ups of names, which can not be called off.
    bool is_settled() const noexcept;
    bool is_idle() const noexcept;

  private:
    struct Talk;
    struct Line {
        std::deque<InquiryId> waiting;
        std::size_t running = 0;
    };
    struct Wait {
        Inquiry inquiry;
        Time expires = Time::never();
    };

    static std::string line_of(const std::string& url);
    Line* next_line();
    void start_from(Line& line, Time now);
    bool is_blocked(const Inquiry& inquiry) const;
    void start(InquiryId id, Wait wait, const std::string& line, Time now);
    bool put(Talk& talk, Time deadline);
    void on_http(Talk& talk, Time now);
    void on_udp(Talk& talk, Time now);
    void end(Talk& talk, InquiryAnswer answer, Time now);
    void retire(InquiryId id);
    void bury();
    void expire(Time now);

    Core& core_;
    UdpAsker udp_;
    Prng prng_;
    InquiryId last_id_ = 0;
    std::map<InquiryId, Wait> waiting_;
    std::map<std::string, Line> lines_;  // by host and port
    std::string last_line_;
    std::vector<InquiryId> held_back_;  // until a goodbye has ended
    std::map<InquiryId, std::unique_ptr<Talk>> running_;
    std::vector<std::unique_ptr<Talk>> over_;
    std::set<std::pair<Time, InquiryId>> expiring_;  // goodbyes that wait, and some that do no more
    std::optional<Duration> goodbye_limit_;
    Timer expire_timer_;
};

}  // namespace jst::engine
