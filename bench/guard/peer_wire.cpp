// A peer's stream: HAVEs, requests, a bitfield, and 32 MiB of blocks that come as predicted, in large and in small
// reads.
#include "wire/peer_wire.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "guard/scenarios.hpp"

namespace jst::bench {
namespace {

constexpr std::uint32_t blocks = 2048;
constexpr std::uint32_t blocks_each = 64;  // of a piece

Block block_at(std::uint32_t number) {
    return {PieceIndex{number / blocks_each}, number % blocks_each * block_size, block_size};
}

ByteVector control_stream() {
    ByteVector stream;
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        wire::encode_message(stream, wire::Have{PieceIndex{i}});
        if (i % 4 == 0) wire::encode_message(stream, wire::Request{block_at(i % blocks)});
    }
    return stream;
}

ByteVector block_stream() {
    ByteVector stream;
    const ByteVector payload(block_size, 0x5a);
    for (std::uint32_t i = 0; i < blocks; ++i) {
        const auto header = wire::encode_piece_header(block_at(i));
        stream.insert(stream.end(), header.begin(), header.end());
        stream.insert(stream.end(), payload.begin(), payload.end());
    }
    return stream;
}

std::size_t drain(wire::PeerWire& peer) {
    std::size_t arrived = 0;
    while (const auto event = peer.next_event()) {
        if (std::holds_alternative<wire::BlockArrived>(*event)) ++arrived;
        if (const auto* started = std::get_if<wire::BlockStarted>(&*event); started && !started->in_place) {
            peer.set_sink(nullptr);
        }
    }
    demand(!peer.failed());
    return arrived;
}

void hear(const ByteVector& stream, wire::ReceiveScratch& scratch) {
    wire::PeerWire peer(wire::default_max_message_size, wire::PeerWire::Start::at_messages);
    for (Bytes rest{stream}; !rest.empty();) {
        const std::size_t n = std::min<std::size_t>(rest.size(), 1400);
        demand(peer.receive(rest.first(n), scratch, Time{}).has_value());
        drain(peer);
        rest = rest.subspan(n);
    }
    demand(peer.messages_received() == 25'000);
}

void scatter(Bytes from, std::span<MutableBytes> spans) {
    for (const auto& span : spans) {
        const std::size_t n = std::min(span.size(), from.size());
        std::memcpy(span.data(), from.data(), n);
        from = from.subspan(n);
    }
}

void fetch(const ByteVector& stream, std::size_t read, wire::ReceiveScratch& scratch, std::vector<Byte>& slots) {
    wire::PeerWire peer(wire::default_max_message_size, wire::PeerWire::Start::at_messages);
    std::array<MutableBytes, wire::max_spans> spans;
    std::size_t arrived = 0;
    for (Bytes rest{stream}; !rest.empty();) {
        std::vector<wire::ExpectedBlock> expected;
        const auto first = static_cast<std::uint32_t>(arrived + (peer.arriving() ? 1 : 0));
        for (auto i = first; i < std::min<std::size_t>(blocks, first + wire::max_predicted); ++i) {
            expected.push_back({block_at(i), slots.data() + i % 64 * std::size_t{block_size}});
        }
        const std::size_t count = peer.prepare(expected, scratch, spans);
        std::size_t room = 0;
        for (std::size_t i = 0; i < count; ++i) room += spans[i].size();
        const std::size_t n = std::min({rest.size(), room, read});
        scatter(rest.first(n), std::span{spans}.first(count));
        demand(peer.commit(n, Time{}).has_value());
        arrived += drain(peer);
        rest = rest.subspan(n);
    }
    demand(arrived == blocks);
}

}  // namespace

Work peer_wire_work() {
    return
        [control = control_stream(), payload = block_stream(), slots = std::vector<Byte>(64 * block_size)]() mutable {
            wire::ReceiveScratch scratch;
            hear(control, scratch);
            fetch(payload, std::size_t{512} << 10, scratch, slots);
            fetch(payload, 20'000, scratch, slots);
        };
}

}  // namespace jst::bench
