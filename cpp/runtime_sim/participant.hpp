// An inhabitant that is no engine: raw links and datagrams with a callback for each thing that happens. Simulated peers
// stand on it.
//
// Lives through the same seam as an engine. What it sends waits in a buffer of its own for as long as the window is
// closed. Calls outside of a turn become a turn of the present instant.
// Invariants: 1. a link ends with exactly one on_closed or on_failed, unless this side closed or dropped it; 2. links
// are numbered from 0 and never reused.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "base/ids.hpp"
#include "runtime_sim/network.hpp"
#include "runtime_sim/world.hpp"

namespace jst::runtime_sim {

using LinkId = Index<struct LinkTag>;

class Actor {
  public:
    virtual ~Actor() = default;
    virtual void on_accepted(LinkId link, const Endpoint& local, const Endpoint& remote) = 0;
    virtual void on_connected(LinkId link, const Endpoint& local) = 0;
    virtual void on_failed(LinkId link, Errc error) = 0;
    /// One run of bytes as it was delivered.
    virtual void on_bytes(LinkId link, Bytes bytes) = 0;
    /// Errc::end_of_stream: the other side sends no more (this one still may); else the link is over.
    virtual void on_closed(LinkId link, Errc error) = 0;
    /// What waits to be sent fell below what tell_below() named.
    virtual void on_drained(LinkId link) = 0;
    virtual void on_timer(std::uint64_t id) = 0;
    virtual void on_datagram(const Endpoint& from, Bytes bytes) = 0;
};

class Participant final : public runtime::Host {
  public:
    Participant(World& world, NodeId node, Actor& actor);
    Participant(const Participant&) = delete;
    /// Its links fall silent.
    ~Participant() override;

    Result<Endpoint> listen(std::uint16_t port);
    void stop_listening();
    /// `source_port` 0: any.
    LinkId connect(const Endpoint& to, std::uint16_t source_port = 0);
    void send(LinkId link, Bytes bytes);
    /// Graceful: what was sent is still delivered, however long that takes.
    void close(LinkId link, runtime::CloseMode mode);
    /// Silence: the other side hears nothing any more.
    void drop(LinkId link);
    /// Reads no more, so that the window closes; or reads again.
    void pause_reading(LinkId link, bool paused);
    /// on_timer once, at that time.
    void timer(Time when, std::uint64_t id);
    std::uint64_t unsent(LinkId link) const;
    /// on_drained once, when fewer than so many bytes wait to be sent; only while some do.
    void tell_below(LinkId link, std::uint64_t bytes);
    bool is_open(LinkId link) const;
    /// Datagrams that come there are told from now on; 0: any port. A participant has one such socket.
    Result<Endpoint> open_udp(std::uint16_t port);
    void send_to(const Endpoint& to, Bytes bytes);

    void on_wake(Time now) override;
    void on_round_end(Time now) override;
    void on_broken_rule(const runtime::Tag& tag, const char* what) noexcept override;

  private:
    struct Link {
        LinkId id;
        std::unique_ptr<runtime::Stream> stream;
        runtime::ConnectOp connect;
        runtime::ReadableOp readable;
        runtime::WriteOp write;
        Bytes writing[1];
        ByteVector unsent;   // what `write` writes, from sent_ on
        ByteVector waiting;  // what came after
        std::size_t sent = 0;
        std::uint64_t low_water = 0;  // 0: nobody asked
        bool paused = false;
        bool ended = false;    // the other side's end was told
        bool closing = false;  // close when all is written
        bool over = false;

        bool busy() const noexcept { return connect.pending || readable.pending || write.pending; }
    };
    template <class Turn>
    void act(Turn&& turn);
    Link* find(LinkId id);
    Link& make();
    void take(Link& link, std::unique_ptr<runtime::Stream> stream);
    void read(Link& link);
    void read_more(Link& link);
    void write(Link& link);
    void finish(Link& link, runtime::CloseMode mode);
    void end(Link& link) noexcept;
    void accept();
    void on_accept();
    void on_connect(Link& link);
    void on_readable(Link& link);
    void on_written(Link& link);
    void hear();
    void on_datagrams();
    void arm();

    World& world_;
    NodeId node_;
    Actor& actor_;
    std::unique_ptr<runtime::Listener> listener_;
    runtime::AcceptOp accept_;
    std::unique_ptr<runtime::UdpSocket> udp_;
    runtime::ReadableOp heard_;
    std::map<LinkId, std::unique_ptr<Link>> links_;
    bool some_ended_ = false;  // links of which something may be left
    std::uint32_t next_link_ = 0;
    std::uint32_t life_ = 0;             // the node's incarnation
    Time accept_again_ = Time::never();  // no socket was left
    std::set<std::pair<Time, std::uint64_t>> timers_;
    ByteVector scratch_;
};

}  // namespace jst::runtime_sim
