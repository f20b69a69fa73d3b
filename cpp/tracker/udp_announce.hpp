// One announce or scrape with a UDP tracker (BEP 15, URL data of BEP 41), as a sans-IO machine.
//
//   connecting --connect reply--> asking --reply or error--> done
//       each packet is sent again after 15 * 2^n seconds, n = 0..8, and then given up
// 1. Only packets with our transaction id and the action asked for (or an error) are taken; all others are ignored, as
// anybody can send them. 2. A connection id is used for 60 s after it came. 3. The caller hands in only what came from
// the tracker's address.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/prng.hpp"
#include "base/result.hpp"
#include "tracker/announce.hpp"

namespace jst::tracker {

inline constexpr Duration first_udp_timeout = seconds(15);
inline constexpr std::uint32_t max_udp_retries = 8;
inline constexpr Duration connection_id_life = seconds(60);
inline constexpr std::size_t max_url_data = 2048;  // longer URL data is not sent

struct UdpConnection {
    std::uint64_t id = 0;
    Time since;  // when it came

    bool is_valid(Time now) const noexcept { return now - since < connection_id_life; }
};

class UdpAnnounce {
  public:
    /// `url_data`: path and query of the tracker's URL. `v6`: the tracker is asked over IPv6 and answers with such
    /// peers.
    UdpAnnounce(Announce announce, std::string url_data, bool v6, std::optional<UdpConnection> known, Prng prng);
    /// A scrape of one torrent.
    UdpAnnounce(const Sha1Digest& info_hash, bool v6, std::optional<UdpConnection> known, Prng prng);

    void start(Time now);
    void receive(Bytes datagram, Time now);
    /// The datagram to send now, once.
    std::optional<ByteVector> next_datagram() noexcept { return std::exchange(out_, std::nullopt); }
    Time deadline() const noexcept { return deadline_; }
    void on_deadline(Time now);

    bool is_done() const noexcept { return phase_ == Phase::done; }
    /// The question itself was written, not only a connect.
    bool has_asked() const noexcept { return phase_ == Phase::asking || is_done(); }
    /// Errc::timeout when it was given up. JST_CHECK: done.
    const Result<AnnounceAnswer>& answer() const;
    /// To be used for the next question while it is valid.
    const std::optional<UdpConnection>& connection() const noexcept { return connection_; }

  private:
    enum class Phase : std::uint8_t { idle, connecting, asking, done };

    void enter(Phase phase, Time now);
    void send(Time now);
    void on_connected(ByteReader& in, Time now);
    void on_error(ByteReader& in, Time now);
    void on_reply(ByteReader& in);
    void finish(Result<AnnounceAnswer> answer);
    void write_announce(ByteWriter& out) const;

    Announce announce_;
    std::string url_data_;
    bool scrape_ = false;
    bool v6_;
    bool borrowed_ = false;  // the connection id is from an earlier question
    Phase phase_ = Phase::idle;
    std::uint32_t transaction_ = 0;
    std::uint32_t retries_ = 0;
    Time deadline_ = Time::never();
    std::optional<UdpConnection> connection_;
    std::optional<ByteVector> out_;
    Result<AnnounceAnswer> answer_;
    Prng prng_;
};

}  // namespace jst::tracker
