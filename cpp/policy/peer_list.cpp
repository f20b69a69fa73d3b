#include "policy/peer_list.hpp"

#include <algorithm>
#include <tuple>

#include "base/network.hpp"
#include "base/planted.hpp"

namespace jst::policy {

std::string_view word(PeerSource source) noexcept {
    switch (source) {
        case PeerSource::user:
            return "user";
        case PeerSource::tracker:
            return "tracker";
        case PeerSource::dht:
            return "dht";
        case PeerSource::pex:
            return "pex";
        case PeerSource::lsd:
            return "lsd";
        case PeerSource::incoming:
            return "incoming";
        case PeerSource::resume:
            return "resume";
    }
    return "";
}

std::uint64_t LinkTotals::unchoked_rate() const noexcept {
    const auto ms = static_cast<std::uint64_t>(unchoked.ns / 1'000'000);
    return ms == 0 ? 0 : received_unchoked / ms * 1000 + received_unchoked % ms * 1000 / ms;
}

PeerList::PeerList(std::size_t capacity, Duration reconnect_interval, Prng prng) noexcept
    : capacity_(capacity), reconnect_interval_(std::max(reconnect_interval, milliseconds(1))), prng_(prng) {}

void PeerList::configure(std::size_t capacity, Duration reconnect_interval) {
    capacity_ = capacity;
    reconnect_interval_ = std::max(reconnect_interval, milliseconds(1));
    while (known_.size() > capacity_) {
        // Failed ones first, then strangers, then idle ones; links stay and leave the list when they end.
        if (make_room_for_wish()) continue;
        const auto last = last_of(0, lines_.size());
        if (!last) return;
        forget(known_.find(*last));
    }
}

std::optional<Endpoint> PeerList::last_of(std::size_t first_line, std::size_t end) const {
    const Due* last = nullptr;
    for (std::size_t i = first_line; i < end; ++i)
        if (!lines_[i].empty() && (last == nullptr || *last < *lines_[i].rbegin())) last = &*lines_[i].rbegin();
    return last == nullptr ? std::nullopt : std::optional(last->address);
}

namespace {

// 0.0.0.0/8 is this very machine, 240.0.0.0/4 with 255.255.255.255 everybody or nobody.
bool is_nobody(const IpAddress& host) noexcept {
    const std::uint32_t first = host.is_v4() ? host.v4_value() >> 24 : 1;
    return host.is_unspecified() || host.is_multicast() || first == 0 || first >= 240;
}

}  // namespace

Added PeerList::add(const Endpoint& address, PeerSource source, bool from_global, Time now) {
    if (address.port == 0) return Added::no_port;
    if (is_nobody(address.host)) return Added::not_global;
    if (from_global && !address.host.is_global()) return Added::not_global;
    if (std::find(own_.begin(), own_.end(), address) != own_.end()) return Added::own;
    if (const auto at = known_.find(address); at != known_.end()) {
        if (source == PeerSource::user) befriend(at);
        return Added::known;
    }
    const bool is_strangers_word = from_global || source == PeerSource::incoming;
    if (is_strangers_word && !has_room_for(address.host)) return Added::host_full;
    const bool is_wish = source == PeerSource::user;
    if (known_.size() >= capacity_ && !(is_wish ? make_room_for_wish() : make_room())) return Added::full;
    auto& known = known_[address];
    known.source = source;
    known.serial = next_serial_++;
    enter_idle(address, known, now);
    return Added::added;
}

bool PeerList::make_room() {
    if (worst_.empty()) return false;
    const Worst& worst = *worst_.begin();
    if (worst.is_friend && idle_friends_ <= capacity_ - capacity_ / 2) return false;
    forget(known_.find(worst.address));
    return true;
}

// The user knows better than strangers do: the one of theirs whose turn is last gives way.
bool PeerList::make_room_for_wish() {
    if (make_room()) return true;
    const auto stranger = last_of(static_cast<std::size_t>(PeerSource::user) + 1, sources);
    if (stranger) forget(known_.find(*stranger));
    return stranger.has_value();
}

// The one of the host that failed most often gives way.
bool PeerList::has_room_for(const IpAddress& address) {
    const IpAddress host = one_host(address);
    std::size_t count = 0;
    auto worst = known_.end();
    for (auto at = known_.lower_bound(Endpoint{host, 0}); at != known_.end() && one_host(at->first.host) == host;
         ++at) {
        if (at->second.state == AddressState::idle && !is_friend(at->second) &&
            at->second.failures > (worst == known_.end() ? 0 : worst->second.failures))
            worst = at;
        if (++count == most_per_host) break;
    }
    if (count < most_per_host) return true;
    if (worst == known_.end()) return false;
    forget(worst);
    return true;
}

void PeerList::forget(std::map<Endpoint, KnownAddress>::iterator at) {
    if (at == known_.end()) return;
    if (at->second.state == AddressState::idle) leave_idle(at->first, at->second);
    known_.erase(at);
}

std::size_t PeerList::line_of(const KnownAddress& known) noexcept {
    return known.tried ? sources : static_cast<std::size_t>(known.source);
}

bool PeerList::is_friend(const KnownAddress& known) noexcept {
    return known.source == PeerSource::user || known.totals.received > 0;
}

PeerList::Worst PeerList::rank(const Endpoint& address, const KnownAddress& known) noexcept {
    return {is_friend(known), ~known.failures, known.serial, address};
}

void PeerList::enter_idle(const Endpoint& address, KnownAddress& known, Time next_dial) {
    known.state = AddressState::idle;
    known.next_dial = next_dial;
    lines_[line_of(known)].insert({next_dial, known.serial, address});
    if (known.failures > 0) worst_.insert(rank(address, known));
    idle_friends_ += is_friend(known) ? 1 : 0;
}

void PeerList::leave_idle(const Endpoint& address, const KnownAddress& known) {
    lines_[line_of(known)].erase({known.next_dial, known.serial, address});
    worst_.erase(rank(address, known));
    idle_friends_ -= is_friend(known) ? 1 : 0;
}

void PeerList::befriend(std::map<Endpoint, KnownAddress>::iterator at) {
    auto& known = at->second;
    const bool is_idle = known.state == AddressState::idle;
    if (is_idle) leave_idle(at->first, known);
    known.source = PeerSource::user;
    if (is_idle) enter_idle(at->first, known, known.next_dial);
}

void PeerList::on_own(const Endpoint& address) {
    forget(known_.find(address));
    if (std::find(own_.begin(), own_.end(), address) != own_.end()) return;
    if (own_.size() >= max_own) own_.erase(own_.begin());
    own_.push_back(address);
}

void PeerList::on_dialling(const Endpoint& address) {
    const auto at = known_.find(address);
    if (at == known_.end() || at->second.state != AddressState::idle) return;
    leave_idle(address, at->second);
    turn_ = (line_of(at->second) + 1) % lines_.size();
    at->second.state = AddressState::dialling;
    at->second.tried = true;
}

void PeerList::on_dial_failed(const Endpoint& address, Time now) {
    const auto at = known_.find(address);
    if (at == known_.end() || at->second.state != AddressState::dialling) return;
    ++at->second.failures;
    enter_idle(address, at->second, now + wait_after(at->second));
}

void PeerList::on_connected(const Endpoint& address, Time now) {
    add(address, PeerSource::incoming, false, now);
    const auto at = known_.find(address);
    if (at == known_.end() || at->second.state == AddressState::connected) return;
    if (at->second.state == AddressState::idle) leave_idle(address, at->second);
    at->second.state = AddressState::connected;
    at->second.tried = true;
    at->second.connected_at = now;
}

void PeerList::on_disconnected(const Endpoint& address, const LinkTotals& link, LinkEnd end, Time now) {
    const auto at = known_.find(address);
    if (at == known_.end() || at->second.state == AddressState::idle) return;
    auto& known = at->second;
    known.totals.received += link.received;
    known.totals.sent += link.sent;
    known.totals.unchoked = known.totals.unchoked + link.unchoked;
    known.totals.received_unchoked += link.received_unchoked;

    const bool gave = link.received > 0 || link.sent > 0;
    const bool lived = known.state == AddressState::connected && now - known.connected_at >= quick_link;
    if (gave && lived) known.failures = 0;
    if ((!gave && end != LinkEnd::ours) || end == LinkEnd::replaced) ++known.failures;
    enter_idle(address, known, now + (end == LinkEnd::useless ? longest_wait : wait_after(known)));
    if (known_.size() > capacity_) forget(at);
    if (starved_ && link.received > 0) set_starved(true, now);
}

void PeerList::forget_host(const IpAddress& host) {
    auto at = known_.lower_bound(Endpoint{host, 0});
    while (at != known_.end() && at->first.host == host) {
        const auto next = std::next(at);
        if (at->second.state == AddressState::idle) forget(at);
        at = next;
    }
}

void PeerList::set_starved(bool starved, Time now) {
    starved_ = starved;
    std::vector<std::map<Endpoint, KnownAddress>::iterator> proven;
    for (auto at = known_.begin(); at != known_.end(); ++at) {
        at->second.eager = false;
        if (starved && at->second.totals.received > 0) proven.push_back(at);
    }
    std::sort(proven.begin(), proven.end(), [](const auto& a, const auto& b) {
        return std::tie(b->second.totals.received, a->second.serial) <
               std::tie(a->second.totals.received, b->second.serial);
    });
    proven.resize(std::min(proven.size(), most_eager));
    for (const auto at : proven) {
        at->second.eager = true;
        const Time soon = now + wait_after(at->second);
        if (at->second.state != AddressState::idle || at->second.next_dial <= soon) continue;
        leave_idle(at->first, at->second);
        enter_idle(at->first, at->second, soon);
    }
}

// The base, doubled with each failure after the first, between 3/4 and 5/4 of it.
Duration PeerList::wait_after(const KnownAddress& known) noexcept {
    if (planted<Plant::no_back_off>()) return milliseconds(1);
    const Duration longest = std::max(known.eager ? eager_wait : longest_wait, reconnect_interval_);
    Duration wait = reconnect_interval_;
    for (std::uint32_t i = 1; i < known.failures && wait < longest; ++i) wait = wait * 2;
    wait = std::min(wait, longest);
    const auto quarter = static_cast<std::uint64_t>(wait.ns / 4);
    return wait - nanoseconds(static_cast<std::int64_t>(quarter)) +
           nanoseconds(static_cast<std::int64_t>(prng_.between(0, 2 * quarter)));
}

Time PeerList::deadline() const noexcept {
    Time first = Time::never();
    for (const auto& line : lines_)
        if (!line.empty()) first = std::min(first, line.begin()->at);
    return first;
}

std::vector<Endpoint> PeerList::best(std::size_t at_most) const {
    std::vector<std::map<Endpoint, KnownAddress>::const_iterator> all;
    all.reserve(known_.size());
    for (auto at = known_.begin(); at != known_.end(); ++at) all.push_back(at);
    const auto rank = [](const KnownAddress& k) {
        return std::tuple(k.state != AddressState::connected, k.totals.received == 0, k.source != PeerSource::user,
                          k.failures, k.serial);
    };
    std::sort(all.begin(), all.end(), [&](auto a, auto b) { return rank(a->second) < rank(b->second); });
    all.resize(std::min(all.size(), at_most));
    std::vector<Endpoint> out;
    out.reserve(all.size());
    for (const auto at : all) out.push_back(at->first);
    return out;
}

const KnownAddress* PeerList::find(const Endpoint& address) const noexcept {
    const auto at = known_.find(address);
    return at == known_.end() ? nullptr : &at->second;
}

}  // namespace jst::policy
