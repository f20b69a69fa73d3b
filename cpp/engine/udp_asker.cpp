#include "engine/udp_asker.hpp"

#include <algorithm>
#include <array>

namespace jst::engine {
namespace {

constexpr std::size_t max_datagram = 4096;  // 200 peers with IPv6 addresses; what is longer is cut
constexpr Duration patience_with_one = tracker::first_udp_timeout;  // while another address of it could be asked

}  // namespace

struct UdpAsker::Port {
    Port(UdpAsker& asker, const IpAddress& from, std::unique_ptr<runtime::UdpSocket> bound)
        : owner(asker), local(from), socket(std::move(bound)) {
        readable.owner = this;
        readable.on_done = [](runtime::Op& op, Time now) {
            Port& port = *static_cast<Port*>(op.owner);
            if (!port.closed) port.owner.on_readable(port, now);
        };
    }
    void close() {
        closed = true;
        socket->close();
    }

    UdpAsker& owner;
    const IpAddress local;
    std::unique_ptr<runtime::UdpSocket> socket;
    runtime::ReadableOp readable;
    Time used;
    bool closed = false;
};

UdpAsker::UdpAsker(Core& core)
    : core_(core), timer_(core.timers, [](Timer& t, Time now) { t.owner<UdpAsker>().on_timer(now); }, this) {}

UdpAsker::~UdpAsker() = default;

void UdpAsker::close() {
    for (auto& port : ports_) {
        port->close();
        closed_.push_back(std::move(port));
    }
    ports_.clear();
    timer_.cancel();
}

bool UdpAsker::is_idle() const noexcept {
    return ports_.empty() &&
           std::none_of(closed_.begin(), closed_.end(), [](const auto& p) { return p->readable.pending; });
}

bool UdpAsker::send(Bytes datagram, const Endpoint& to, Time now) {
    std::erase_if(closed_, [](const auto& p) { return !p->readable.pending; });
    const IpAddress from = core_.dial_from(to.host);
    auto at = std::find_if(ports_.begin(), ports_.end(), [&](const auto& p) { return p->local == from; });
    if (at == ports_.end()) {
        auto bound = core_.rt.net.open_udp({from, 0});
        if (!bound) return false;
        ports_.push_back(std::make_unique<Port>(*this, from, std::move(*bound)));
        at = ports_.end() - 1;
        (*at)->socket->readable((*at)->readable);
    }
    (*at)->used = now;
    timer_.set_sooner(now + tracker::connection_id_life);
    ByteVector copy = to_vector(datagram);
    const runtime::Datagram out{to, copy};
    return (*at)->socket->send_now({&out, 1}) == 1;
}

void UdpAsker::on_readable(Port& port, Time now) {
    std::array<std::array<Byte, max_datagram>, datagrams_at_once> room;
    std::array<runtime::Datagram, datagrams_at_once> batch;
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].data = room[i];
    const auto got = port.socket->receive_now(batch);
    const auto asking = asks_;  // answers change the list
    for (std::size_t i = 0; got && i < *got; ++i)
        for (UdpAsk* ask : asking)
            if (std::find(asks_.begin(), asks_.end(), ask) != asks_.end()) ask->on_datagram(batch[i], now);
    if (!port.closed) port.socket->readable(port.readable);
}

void UdpAsker::on_timer(Time now) {
    Time next = Time::never();
    for (auto& port : ports_) {
        const bool wanted = std::any_of(asks_.begin(), asks_.end(), [&](const UdpAsk* a) {
            return core_.dial_from(a->remote().host) == port->local;
        });
        if (wanted) port->used = now;
        const Time end = port->used + tracker::connection_id_life;
        if (end > now) {
            next = std::min(next, end);
            continue;
        }
        port->close();
        closed_.push_back(std::move(port));
    }
    std::erase(ports_, nullptr);
    timer_.set(next);
}

std::optional<tracker::UdpConnection> UdpAsker::connection(const Endpoint& address, Time now) const {
    const auto at = ids_.find(address);
    return at != ids_.end() && at->second.is_valid(now) ? std::optional(at->second) : std::nullopt;
}

void UdpAsker::keep(const Endpoint& address, const std::optional<tracker::UdpConnection>& connection, Time now) {
    if (!connection) {
        ids_.erase(address);
        return;
    }
    if (ids_.size() >= max_ids) std::erase_if(ids_, [&](const auto& known) { return !known.second.is_valid(now); });
    if (ids_.size() < max_ids || ids_.contains(address)) ids_[address] = *connection;
}

// -- one question -----------------------------------------------------------------------------------------------------

UdpAsk::UdpAsk(Core& core, UdpAsker& asker, Question question, Prng prng, const runtime::Tag& tag, Done on_done,
               void* done_owner)
    : owner(done_owner),
      core_(core),
      asker_(asker),
      question_(std::move(question)),
      prng_(prng),
      on_done_(on_done),
      timer_(
          core.timers, [](Timer& t, Time now) { t.owner<UdpAsk>().on_timer(now); }, this),
      answer_(fail(Errc::canceled)) {
    resolve_.owner = this;
    resolve_.tag = timer_.tag = tag;
    resolve_.on_done = [](runtime::Op& op, Time now) {
        UdpAsk& ask = *static_cast<UdpAsk*>(op.owner);
        if (!ask.over_) ask.on_resolved(now);
    };
}

UdpAsk::~UdpAsk() { leave(); }

void UdpAsk::start(Time deadline) {
    over_ = false;
    deadline_ = deadline;
    timer_.set(deadline);
    resolve_.port = question_.url.port;
    core_.rt.net.resolve(resolve_, question_.url.host);
}

void UdpAsk::shorten(Time deadline) {
    if (over_) return;
    deadline_ = std::min(deadline_, deadline);
    timer_.set_sooner(deadline_);
}

bool UdpAsk::may_ask(const IpAddress& address) const {
    return question_.may_reach(address, question_.url, false) && !core_.is_filtered(address);
}

void UdpAsk::on_resolved(Time now) {
    if (resolve_.error != Errc::ok) return finish(fail(resolve_.error), now);
    if (!resolve_.addresses.empty()) last_error_ = Errc::address_refused;
    auto allowed = resolve_.addresses;
    std::erase_if(allowed, [&](const IpAddress& address) { return !may_ask(address); });
    addresses_ = core_.address_turns.order(question_.url.host, std::move(allowed));
    ask_next(now);
}

void UdpAsk::ask_next(Time now) {
    leave();
    machine_.reset();
    while (!over_ && !machine_ && tried_ < addresses_.size()) {
        const Duration part = (deadline_ - now) / static_cast<std::int64_t>(addresses_.size() - tried_);
        remote_ = {addresses_[tried_++], question_.url.port};
        if (!may_ask(remote_.host)) {  // since then
            last_error_ = Errc::address_refused;
            continue;
        }
        give_up_at_ = tried_ == addresses_.size() ? deadline_ : now + std::min(part, patience_with_one);
        const bool v6 = !remote_.host.is_v4();
        const auto known = asker_.connection(remote_, now);
        const Prng luck(prng_.next());
        if (question_.scrape)
            machine_.emplace(question_.announce.info_hash, v6, known, luck);
        else
            machine_.emplace(question_.announce, question_.url.target == "/" ? std::string() : question_.url.target, v6,
                             known, luck);
        machine_->start(now);
        asker_.asks_.push_back(this);
        return advance(now);
    }
    finish(fail(last_error_), now);
}

void UdpAsk::advance(Time now) {
    if (const auto datagram = machine_->next_datagram()) {
        if (!asker_.send(*datagram, remote_, now)) {
            last_error_ = Errc::network_unreachable;
            return ask_next(now);
        }
        sent_ = sent_ || machine_->has_asked();
    }
    if (machine_->is_done()) {
        asker_.keep(remote_, machine_->connection(), now);
        return finish(machine_->answer(), now);
    }
    timer_.set(std::min({machine_->deadline(), give_up_at_, deadline_}));
}

void UdpAsk::on_datagram(const runtime::Datagram& datagram, Time now) {
    if (over_ || !machine_ || datagram.peer != remote_) return;
    if (datagram.error != Errc::ok) {
        last_error_ = datagram.error;
        return ask_next(now);
    }
    machine_->receive(datagram.data, now);
    advance(now);
}

void UdpAsk::on_timer(Time now) {
    last_error_ = Errc::timeout;
    if (now >= deadline_ || !machine_) return finish(fail(Errc::timeout), now);
    if (now >= give_up_at_) {
        asker_.keep(remote_, std::nullopt, now);  // an id that it may have forgotten
        return ask_next(now);
    }
    machine_->on_deadline(now);
    advance(now);
}

void UdpAsk::finish(Result<tracker::AnnounceAnswer> answer, Time now) {
    abort();
    answer_ = std::move(answer);
    if (addresses_.size() > 1 && tried_ > 0) {
        if (answer_)
            core_.address_turns.on_answer(question_.url.host, remote_.host);
        else
            core_.address_turns.on_silence(question_.url.host, remote_.host);
    }
    on_done_(*this, now);
}

void UdpAsk::leave() { std::erase(asker_.asks_, this); }

void UdpAsk::abort() {
    over_ = true;
    timer_.cancel();
    leave();
}

}  // namespace jst::engine
