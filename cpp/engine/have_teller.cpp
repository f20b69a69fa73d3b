#include "engine/have_teller.hpp"

#include "base/planted.hpp"
#include "engine/torrent.hpp"

namespace jst::engine {

HaveTeller::HaveTeller(Core& core, Torrent& torrent)
    : core_(core),
      torrent_(torrent),
      timer_(core.timers, [](Timer& t, Time now) { t.owner<HaveTeller>().tell(now); }, this) {
    timer_.tag = torrent.tag();
}

void HaveTeller::add(PieceIndex piece, Time now) {
    batch_.add(piece);
    const auto& download = torrent_.download();
    const Time due = batch_.due(download.peers.size());
    if (due <= now || download.picker().is_complete()) return tell(now);
    timer_.set(due);
}

void HaveTeller::tell(Time now) {
    timer_.cancel();
    if (batch_.empty()) return;
    const auto pieces = batch_.take(now);
    const auto& peers = torrent_.download().peers;
    for (const PeerKey key : peers) {
        Peer* const peer = core_.peer(key);
        if (peer == nullptr) continue;
        if (planted<Plant::have_not_told_to_last>() && key == peers.back()) continue;
        runtime::Tag tag = peer->tag();
        for (const PieceIndex piece : pieces) {
            if (!torrent_.have()[piece]) continue;  // lost meanwhile
            peer->send(wire::Have{piece});
            if (planted<Plant::have_sent_twice>()) peer->send(wire::Have{piece});
            tag.piece = piece.value;
            core_.rt.point(runtime::Point::have_sent, tag);
        }
    }
}

}  // namespace jst::engine
