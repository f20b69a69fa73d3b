#include "tracker/udp_announce.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace jst::tracker {
namespace {

constexpr std::uint64_t protocol_id = 0x41727101980;
enum Action : std::uint32_t { connect = 0, announce = 1, scrape = 2, error = 3 };
enum Option : Byte { end_of_options = 0, url_data = 2 };  // BEP 41

// BEP 41: as many options as it takes, 255 bytes each.
void write_url_data(ByteWriter& out, std::string_view text) {
    constexpr std::size_t most = 255;
    while (!text.empty()) {
        const auto part = text.substr(0, most);
        out.u8(url_data).u8(static_cast<Byte>(part.size())).text(part);
        text.remove_prefix(part.size());
    }
    out.u8(end_of_options);
}

}  // namespace

UdpAnnounce::UdpAnnounce(Announce a, std::string data, bool v6, std::optional<UdpConnection> known, Prng prng)
    : announce_(std::move(a)),
      url_data_(data.size() <= max_url_data ? std::move(data) : std::string()),
      v6_(v6),
      connection_(known),
      answer_(fail(Errc::timeout)),
      prng_(prng) {}

UdpAnnounce::UdpAnnounce(const Sha1Digest& info_hash, bool v6, std::optional<UdpConnection> known, Prng prng)
    : UdpAnnounce(Announce{}, {}, v6, known, prng) {
    announce_.info_hash = info_hash;
    scrape_ = true;
}

void UdpAnnounce::start(Time now) {
    JST_CHECK(phase_ == Phase::idle, "a UDP announce starts once");
    borrowed_ = connection_ && connection_->is_valid(now);
    enter(borrowed_ ? Phase::asking : Phase::connecting, now);
}

void UdpAnnounce::enter(Phase phase, Time now) {
    phase_ = phase;
    retries_ = 0;
    transaction_ = static_cast<std::uint32_t>(prng_.next());
    send(now);
}

void UdpAnnounce::send(Time now) {
    ByteVector packet;
    ByteWriter out(packet);
    if (phase_ == Phase::connecting) {
        out.u64(protocol_id).u32(connect).u32(transaction_);
    } else {
        out.u64(connection_->id).u32(scrape_ ? scrape : announce).u32(transaction_);
        if (scrape_)
            out.bytes(announce_.info_hash.view());
        else
            write_announce(out);
    }
    out_ = std::move(packet);
    deadline_ = now + first_udp_timeout * (std::int64_t{1} << retries_);
}

void UdpAnnounce::write_announce(ByteWriter& out) const {
    const auto& a = announce_;
    const std::uint32_t want = a.event == AnnounceEvent::stopped ? 0 : a.num_want;
    out.bytes(a.info_hash.view()).bytes(a.peer_id.view()).u64(a.downloaded).u64(a.left).u64(a.uploaded);
    out.u32(static_cast<std::uint32_t>(a.event)).u32(0 /* our address: as seen */).u32(a.key).u32(want).u16(a.port);
    if (!url_data_.empty()) write_url_data(out, url_data_);
}

void UdpAnnounce::on_deadline(Time now) {
    if (is_done() || now < deadline_) return;
    if (retries_ == max_udp_retries) return finish(fail(Errc::timeout));
    const std::uint32_t tried = retries_ + 1;
    // An id may have run out while its tracker was silent, and who does not know one that it once gave may drop what
    // comes with it; the count of retries goes on all the same.
    if (phase_ == Phase::asking && (std::exchange(borrowed_, false) || !connection_->is_valid(now))) {
        connection_.reset();
        enter(Phase::connecting, now);
    }
    retries_ = tried;
    send(now);
}

void UdpAnnounce::receive(Bytes datagram, Time now) {
    if (phase_ != Phase::connecting && phase_ != Phase::asking) return;
    ByteReader in(datagram);
    const auto action = in.u32();
    const auto transaction = in.u32();
    if (!action || !transaction || *transaction != transaction_) return;
    if (*action == error) return on_error(in, now);
    if (phase_ == Phase::connecting && *action == connect) return on_connected(in, now);
    if (phase_ == Phase::asking && *action == (scrape_ ? scrape : announce)) on_reply(in);
}

void UdpAnnounce::on_connected(ByteReader& in, Time now) {
    const auto id = in.u64();
    if (!id) return;
    connection_ = UdpConnection{*id, now};
    borrowed_ = false;
    enter(Phase::asking, now);
}

void UdpAnnounce::on_error(ByteReader& in, Time now) {
    connection_.reset();
    // A tracker that was restarted does not know the id that it once gave.
    if (std::exchange(borrowed_, false)) return enter(Phase::connecting, now);
    finish(AnnounceAnswer(Refusal{clean_message(in.rest()), std::nullopt, false}));
}

void UdpAnnounce::on_reply(ByteReader& in) {
    AnnounceReply reply;
    if (scrape_) {
        const auto seeds = in.u32();
        const auto downloads = in.u32();
        const auto leechers = in.u32();
        if (!seeds || !downloads || !leechers) return;
        reply.counts = {*seeds, *leechers};
    } else {
        const auto interval = in.u32();
        const auto leechers = in.u32();
        const auto seeds = in.u32();
        if (!interval || !leechers || !seeds) return;
        reply.interval = clamp_interval(static_cast<std::int32_t>(*interval));
        reply.counts = {*seeds, *leechers};
        read_compact(in.rest(), v6_, reply.peers);
    }
    finish(AnnounceAnswer(std::move(reply)));
}

void UdpAnnounce::finish(Result<AnnounceAnswer> answer) {
    answer_ = std::move(answer);
    phase_ = Phase::done;
    deadline_ = Time::never();
    out_.reset();
}

const Result<AnnounceAnswer>& UdpAnnounce::answer() const {
    JST_CHECK(is_done(), "no answer yet");
    return answer_;
}

}  // namespace jst::tracker
