// Asks UDP trackers (BEP 15): one socket for each local address that we dial from, shared by all who ask.
//
// A socket stays as long as a connection id may be used again, since trackers know us by our port, too; then it goes.
// UdpAsk is one question: the name is resolved, its addresses asked one after the other. Invariants: 1. only what comes
// from the address asked is looked at, and when that is a refusal (ICMP) the next is asked; 2. one deadline; on_done
// comes once, never within start() and not after abort(); 3. at most max_ids connection ids are kept; 4. without
// questions there is at most one timer, of the sockets.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/url.hpp"
#include "engine/core.hpp"
#include "tracker/udp_announce.hpp"

namespace jst::engine {

class UdpAsk;

class UdpAsker {
  public:
    static constexpr std::size_t max_ids = 512;
    static constexpr std::size_t datagrams_at_once = 8;

    explicit UdpAsker(Core& core);
    ~UdpAsker();

    /// Closes all sockets.
    void close();
    /// No operation is out.
    bool is_idle() const noexcept;

  private:
    friend class UdpAsk;
    struct Port;

    /// False when there is no such socket and none can be made, or the network took nothing.
    bool send(Bytes datagram, const Endpoint& to, Time now);
    void on_readable(Port& port, Time now);
    void on_timer(Time now);
    std::optional<tracker::UdpConnection> connection(const Endpoint& tracker, Time now) const;
    void keep(const Endpoint& tracker, const std::optional<tracker::UdpConnection>& connection, Time now);

    Core& core_;
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<std::unique_ptr<Port>> closed_;
    std::vector<UdpAsk*> asks_;  // those that wait for datagrams
    std::map<Endpoint, tracker::UdpConnection> ids_;
    Timer timer_;
};

class UdpAsk {
  public:
    struct Question {
        Url url;
        tracker::Announce announce;
        bool scrape = false;
        bool (*may_reach)(const IpAddress& address, const Url& url, bool redirected_from_global);
    };
    using Done = void (*)(UdpAsk& ask, Time now);

    UdpAsk(Core& core, UdpAsker& asker, Question question, Prng prng, const runtime::Tag& tag, Done on_done,
           void* done_owner);
    ~UdpAsk();

    void start(Time deadline);
    /// There is less time than was thought.
    void shorten(Time deadline);
    void abort();
    /// The question itself went out, not only a connect.
    bool has_sent() const noexcept { return sent_; }
    bool is_over() const noexcept { return over_; }
    bool is_idle() const noexcept { return over_ && !resolve_.pending; }

    /// When it is over. An error: nobody answered.
    const Result<tracker::AnnounceAnswer>& answer() const noexcept { return answer_; }
    const Endpoint& remote() const noexcept { return remote_; }

    void* const owner;

  private:
    friend class UdpAsker;
    void on_resolved(Time now);
    bool may_ask(const IpAddress& address) const;
    void ask_next(Time now);
    void on_datagram(const runtime::Datagram& datagram, Time now);
    void advance(Time now);
    void on_timer(Time now);
    void finish(Result<tracker::AnnounceAnswer> answer, Time now);
    void leave();

    Core& core_;
    UdpAsker& asker_;
    Question question_;
    Prng prng_;
    const Done on_done_;
    bool over_ = true;
    bool sent_ = false;
    Time deadline_;
    Time give_up_at_;  // on this address
    std::vector<IpAddress> addresses_;
    std::size_t tried_ = 0;
    Errc last_error_ = Errc::host_not_found;
    Endpoint remote_;
    std::optional<tracker::UdpAnnounce> machine_;
    runtime::ResolveOp resolve_;
    Timer timer_;
    Result<tracker::AnnounceAnswer> answer_;
};

}  // namespace jst::engine
