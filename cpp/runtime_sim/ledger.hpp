// The world's own books of one node: the bytes that its streams moved, dials, calls taken and commands. What an engine
// says of itself is compared with them.
//
// Books are of one life: they begin when a host is attached and can be read until the next one is. Bytes count when the
// node is told of them (read_now, the completion of a write), so between two turns both sides of a comparison are
// final. Invariants: 1. bytes are never taken back, whatever becomes of the link; 2. of dials the last max_dials are
// kept.
#pragma once

#include <cstdint>
#include <deque>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace jst::runtime_sim {

inline constexpr std::size_t max_dials = 4096;

struct Dial {
    std::uint64_t serial = 0;
    std::uint32_t torrent = 0;  // of the tag
    Endpoint to;
    Time at;  // the node's own monotonic clock
    Time connected = Time::never();
    Time ended = Time::never();  // it failed, or the link that came of it was closed here
    bool by_hand = false;        // within a command
};

class Ledger {
  public:
    void begin_life() noexcept;
    void received(std::uint64_t bytes, bool of_service) noexcept {
        (of_service ? service_received_ : bytes_received_) += bytes;
    }
    void sent(std::uint64_t bytes, bool to_service) noexcept {
        (to_service ? service_sent_ : bytes_sent_) += bytes;
        ++writes_;
    }
    /// Returns its serial number, from 1.
    std::uint64_t dialled(std::uint32_t torrent, const Endpoint& to, Time at, bool by_hand);
    void connected(std::uint64_t serial, Time at) noexcept;
    void ended(std::uint64_t serial, Time at) noexcept;

    void arrived() noexcept { ++arrivals_; }
    void accepted() noexcept { ++accepted_; }
    void commanded() noexcept { ++commanded_; }

    /// To and from all but services.
    std::uint64_t bytes_received() const noexcept { return bytes_received_; }
    std::uint64_t bytes_sent() const noexcept { return bytes_sent_; }
    std::uint64_t service_received() const noexcept { return service_received_; }
    std::uint64_t service_sent() const noexcept { return service_sent_; }
    std::uint64_t dial_count() const noexcept { return serials_; }
    /// Segments and datagrams that came, and writes that were done.
    std::uint64_t arrival_count() const noexcept { return arrivals_; }
    std::uint64_t write_count() const noexcept { return writes_; }
    std::uint64_t accept_count() const noexcept { return accepted_; }
    std::uint64_t command_count() const noexcept { return commanded_; }
    const std::deque<Dial>& dials() const noexcept { return dials_; }

  private:
    Dial* find(std::uint64_t serial) noexcept;

    std::uint64_t bytes_received_ = 0;
    std::uint64_t bytes_sent_ = 0;
    std::uint64_t service_received_ = 0;
    std::uint64_t service_sent_ = 0;
    std::uint64_t serials_ = 0;
    std::uint64_t arrivals_ = 0;
    std::uint64_t writes_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t commanded_ = 0;
    std::deque<Dial> dials_;
};

}  // namespace jst::runtime_sim
