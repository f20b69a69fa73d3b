#include "runtime_sim/ledger.hpp"

namespace jst::runtime_sim {

// Serials go on, so that a link of an earlier life changes nothing.
void Ledger::begin_life() noexcept {
    bytes_received_ = bytes_sent_ = service_received_ = service_sent_ = 0;
    dials_.clear();
}

std::uint64_t Ledger::dialled(std::uint32_t torrent, const Endpoint& to, Time at, bool by_hand) {
    if (dials_.size() == max_dials) dials_.pop_front();
    Dial dial;
    dial.serial = ++serials_;
    dial.torrent = torrent;
    dial.to = to;
    dial.at = at;
    dial.by_hand = by_hand;
    dials_.push_back(dial);
    return dial.serial;
}

Dial* Ledger::find(std::uint64_t serial) noexcept {
    if (dials_.empty() || serial < dials_.front().serial || serial > dials_.back().serial) return nullptr;
    return &dials_[serial - dials_.front().serial];
}

void Ledger::connected(std::uint64_t serial, Time at) noexcept {
    if (Dial* dial = find(serial)) dial->connected = at;
}

void Ledger::ended(std::uint64_t serial, Time at) noexcept {
    if (Dial* dial = find(serial); dial != nullptr && dial->ended.is_never()) dial->ended = at;
}

}  // namespace jst::runtime_sim
