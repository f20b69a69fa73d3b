#include "runtime_sim/participant.hpp"

#include <algorithm>

#include "runtime_sim/node.hpp"
#include "runtime_sim/stream.hpp"

namespace jst::runtime_sim {
namespace {

constexpr std::size_t read_size = 256 * 1024;
constexpr Duration accept_pause = seconds(1);

}  // namespace

Participant::Participant(World& world, NodeId node, Actor& actor)
    : world_(world), node_(node), actor_(actor), scratch_(read_size) {
    world_.attach(node, *this);
    life_ = world_.node(node).incarnation();
    accept_.owner = this;
    accept_.on_done = [](runtime::Op& op, Time) { static_cast<Participant*>(op.owner)->on_accept(); };
}

Participant::~Participant() {
    if (world_.node(node_).incarnation() == life_) world_.abandon(node_, CrashMode::clean);
}

template <class Turn>
void Participant::act(Turn&& turn) {
    if (world_.node(node_).running())
        turn();
    else
        world_.command(node_, turn);
}

Participant::Link* Participant::find(LinkId id) {
    const auto found = links_.find(id);
    return found == links_.end() || found->second->over ? nullptr : found->second.get();
}

Participant::Link& Participant::make() {
    auto made = std::make_unique<Link>();
    made->id = LinkId(next_link_++);
    auto& link = *made;
    links_.emplace(link.id, std::move(made));
    for (runtime::Op* op : {static_cast<runtime::Op*>(&link.connect), static_cast<runtime::Op*>(&link.readable),
                            static_cast<runtime::Op*>(&link.write)}) {
        op->owner = this;
        op->key = link.id.value;
    }
    link.connect.on_done = [](runtime::Op& op, Time) {
        auto& self = *static_cast<Participant*>(op.owner);
        if (auto* mine = self.find(LinkId(static_cast<std::uint32_t>(op.key)))) self.on_connect(*mine);
    };
    link.readable.on_done = [](runtime::Op& op, Time) {
        auto& self = *static_cast<Participant*>(op.owner);
        if (auto* mine = self.find(LinkId(static_cast<std::uint32_t>(op.key)))) self.on_readable(*mine);
    };
    link.write.on_done = [](runtime::Op& op, Time) {
        auto& self = *static_cast<Participant*>(op.owner);
        if (auto* mine = self.find(LinkId(static_cast<std::uint32_t>(op.key)))) self.on_written(*mine);
    };
    return link;
}

// ---- calls ----

Result<Endpoint> Participant::listen(std::uint16_t port) {
    JST_TRY(listener, world_.runtime(node_).net.listen({IpAddress{}, port}));
    listener_ = std::move(listener);
    act([&] { accept(); });
    return listener_->local();
}

void Participant::stop_listening() {
    act([&] {
        if (listener_) listener_->close();
        listener_.reset();
    });
}

void Participant::accept() {
    if (listener_ && !accept_.pending) listener_->accept(accept_);
}

void Participant::on_accept() {
    if (accept_.error == Errc::ok) {
        auto& link = make();
        take(link, std::move(accept_.stream));
        actor_.on_accepted(link.id, link.stream->local(), link.stream->remote());
        read_more(link);
    } else if (accept_.error != Errc::canceled) {
        accept_again_ = world_.runtime(node_).clock.mono_now() + accept_pause;
        arm();
        return;
    }
    accept();
}

LinkId Participant::connect(const Endpoint& to, std::uint16_t source_port) {
    auto& link = make();
    act([&] { world_.net(node_).connect_from(link.connect, to, source_port); });
    return link.id;
}

void Participant::send(LinkId id, Bytes bytes) {
    auto* link = find(id);
    if (link == nullptr || link->closing) return;
    link->waiting.insert(link->waiting.end(), bytes.begin(), bytes.end());
    act([&] { write(*link); });
}

void Participant::close(LinkId id, runtime::CloseMode mode) {
    auto* link = find(id);
    if (link == nullptr) return;
    act([&] {
        link->closing = true;
        const bool waits_to_send = !link->stream && !link->waiting.empty();
        if (mode == runtime::CloseMode::abort || (!link->stream && !waits_to_send))
            finish(*link, mode);
        else
            write(*link);
    });
}

void Participant::drop(LinkId id) {
    auto* link = find(id);
    if (link == nullptr) return;
    act([&] {
        if (link->connect.pending) world_.runtime(node_).net.cancel(link->connect);
        // No completion comes for its operations any more.
        if (link->stream) static_cast<SimStream&>(*link->stream).fall_silent();
        link->stream.reset();
        link->readable.pending = link->write.pending = false;
        end(*link);
    });
}

void Participant::pause_reading(LinkId id, bool paused) {
    auto* link = find(id);
    if (link == nullptr) return;
    link->paused = paused;
    if (!paused) act([&] { read_more(*link); });
}

void Participant::timer(Time when, std::uint64_t id) {
    timers_.emplace(when, id);
    arm();
}

std::uint64_t Participant::unsent(LinkId id) const {
    const auto found = links_.find(id);
    if (found == links_.end()) return 0;
    return found->second->unsent.size() - found->second->sent + found->second->waiting.size();
}

void Participant::tell_below(LinkId id, std::uint64_t bytes) {
    if (auto* link = find(id)) link->low_water = bytes;
}

bool Participant::is_open(LinkId id) const {
    const auto found = links_.find(id);
    return found != links_.end() && !found->second->over && found->second->stream != nullptr;
}

// ---- what happens ----

void Participant::take(Link& link, std::unique_ptr<runtime::Stream> stream) { link.stream = std::move(stream); }

void Participant::on_connect(Link& link) {
    if (link.connect.error != Errc::ok) {
        end(link);
        actor_.on_failed(link.id, link.connect.error);
        return;
    }
    take(link, std::move(link.connect.stream));
    actor_.on_connected(link.id, link.stream->local());
    if (link.over) return;
    write(link);
    if (!link.over) read_more(link);
}

void Participant::read_more(Link& link) {
    if (link.over || !link.stream || link.paused || link.ended || link.readable.pending) return;
    link.stream->readable(link.readable);
}

void Participant::on_readable(Link& link) {
    if (link.paused || link.readable.error != Errc::ok) return;
    const MutableBytes room[] = {scratch_};
    const auto got = link.stream->read_now(room);
    if (got) {
        actor_.on_bytes(link.id, Bytes(scratch_).first(*got));
    } else if (got.error().code != Errc::would_block) {
        link.ended = true;
        if (got.error().code != Errc::end_of_stream) finish(link, runtime::CloseMode::abort);
        actor_.on_closed(link.id, got.error().code);
        return;
    }
    read_more(link);
}

void Participant::write(Link& link) {
    if (link.over || !link.stream || link.write.pending) return;
    if (link.sent == link.unsent.size()) {
        link.sent = 0;
        link.unsent.swap(link.waiting);
        link.waiting.clear();
    }
    if (link.unsent.empty()) {
        if (link.closing) finish(link, runtime::CloseMode::graceful);
        return;
    }
    link.writing[0] = Bytes(link.unsent).subspan(link.sent);
    link.stream->write_some(link.write, link.writing);
}

void Participant::on_written(Link& link) {
    if (link.write.error != Errc::ok) {
        link.unsent.clear();
        link.waiting.clear();
        link.sent = 0;
        if (link.closing) finish(link, runtime::CloseMode::abort);
        return;  // reading tells why
    }
    link.sent += link.write.written;
    write(link);
    if (!link.over && unsent(link.id) < link.low_water) {
        link.low_water = 0;
        actor_.on_drained(link.id);
    }
}

void Participant::finish(Link& link, runtime::CloseMode mode) {
    end(link);
    if (link.connect.pending) world_.runtime(node_).net.cancel(link.connect);
    if (link.stream) link.stream->close(mode);
}

// ---- datagrams ----

Result<Endpoint> Participant::open_udp(std::uint16_t port) {
    JST_CHECK(!udp_, "a participant has one socket for datagrams");
    JST_TRY(socket, world_.runtime(node_).net.open_udp({IpAddress{}, port}));
    udp_ = std::move(socket);
    heard_.owner = this;
    heard_.on_done = [](runtime::Op& op, Time) { static_cast<Participant*>(op.owner)->on_datagrams(); };
    act([&] { hear(); });
    return udp_->local();
}

void Participant::send_to(const Endpoint& to, Bytes bytes) {
    if (!udp_) return;
    auto copy = to_vector(bytes);
    const runtime::Datagram datagram[] = {{to, copy}};
    act([&] { udp_->send_now(datagram); });
}

void Participant::hear() { udp_->readable(heard_); }

void Participant::on_datagrams() {
    if (heard_.error != Errc::ok) return;
    while (udp_) {
        runtime::Datagram datagram[] = {{{}, scratch_}};
        if (!udp_->receive_now(datagram)) break;
        if (datagram[0].error == Errc::ok) actor_.on_datagram(datagram[0].peer, datagram[0].data);
    }
    if (udp_) hear();
}

// ---- time ----

void Participant::arm() {
    const Time timer = timers_.empty() ? Time::never() : timers_.begin()->first;
    world_.runtime(node_).clock.wake_at(std::min(timer, accept_again_));
}

void Participant::on_wake(Time now) {
    if (accept_again_ <= now) {
        accept_again_ = Time::never();
        accept();
    }
    while (!timers_.empty() && timers_.begin()->first <= now) {
        const auto id = timers_.begin()->second;
        timers_.erase(timers_.begin());
        actor_.on_timer(id);
    }
    arm();
}

void Participant::end(Link& link) noexcept { link.over = some_ended_ = true; }

void Participant::on_round_end(Time) {
    if (!some_ended_) return;
    some_ended_ = false;
    std::erase_if(links_, [&](const auto& entry) {
        const auto& link = *entry.second;
        some_ended_ = some_ended_ || (link.over && link.busy());
        return link.over && !link.busy();
    });
}

void Participant::on_broken_rule(const runtime::Tag&, const char*) noexcept {}

}  // namespace jst::runtime_sim
