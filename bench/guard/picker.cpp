// A torrent of 100,000 pieces: 40 peers with half of them, 100,000 HAVEs, and 64,000 blocks asked for and received.
#include <memory>

#include "guard/scenarios.hpp"
#include "policy/piece_picker.hpp"

namespace jst::bench {
namespace {

using namespace policy;

constexpr std::uint32_t pieces = 100'000;
constexpr std::uint32_t peers = 40;
constexpr Geometry geometry{pieces, 262144, std::uint64_t{pieces} * 262144};

struct Crowd {
    std::vector<Bitfield> has;
    PiecePicker picker{geometry};
    RequestLedger ledger{geometry};
    Prng prng{1};
};

PeerKey key_of(std::uint32_t peer) { return PeerKey::unpack((std::uint64_t{1} << 32) | peer); }

void join(Crowd& crowd) {
    for (std::uint32_t peer = 0; peer < peers; ++peer) {
        crowd.picker.on_join(crowd.has[peer]);
        crowd.ledger.on_join(key_of(peer), *IpAddress::parse("10.0.0.1"), true);
        crowd.ledger.on_unchoke(key_of(peer));
    }
}

void gain(Crowd& crowd) {
    for (std::uint32_t i = 0; i < pieces; ++i) {
        const PieceIndex piece{static_cast<std::uint32_t>(crowd.prng.below(pieces))};
        if (crowd.has[i % peers].set(piece)) crowd.picker.on_have(piece);
    }
}

void take(Crowd& crowd) {
    std::vector<Block> asked;
    std::uint32_t received = 0;
    for (std::uint32_t turn = 0; turn < 1000; ++turn) {
        const auto peer = turn % peers;
        asked.clear();
        crowd.picker.pick({key_of(peer), &crowd.has[peer]}, 64, 2048, crowd.ledger, crowd.prng, Time{}, asked);
        for (const Block& block : asked) {
            ++received;
            if (!crowd.ledger.on_block(key_of(peer), block, false, Time{}).piece_complete) continue;
            crowd.ledger.on_verified(block.piece);
            crowd.picker.on_verified(block.piece);
        }
    }
    demand(received == 64'000);
}

}  // namespace

Work picker_work() {
    auto crowd = std::make_shared<Crowd>();
    for (std::uint32_t peer = 0; peer < peers; ++peer) {
        Bitfield has(pieces);
        for (std::uint32_t piece = 0; piece < pieces; ++piece) {
            if (crowd->prng.chance(1, 2)) has.set(PieceIndex{piece});
        }
        crowd->has.push_back(std::move(has));
    }
    crowd->picker.reset(Bitfield(pieces));
    return [crowd] {
        join(*crowd);
        gain(*crowd);
        take(*crowd);
    };
}

}  // namespace jst::bench
