// A framed session: the fuzzer chooses what messages say and how the stream is torn, their lengths are right. So it
// gets behind the handshake and into payloads: bitfields, extended handshakes, metadata. Whole, in two at every place
// that the input names, and byte by byte it must be the same story. Input: where to tear (2), then id, length, payload
// each.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "wire/extended.hpp"
#include "wire/peer_wire.hpp"
#include "wire/ut_metadata.hpp"

namespace {

using namespace jst;
using namespace jst::wire;

ByteVector stream_of(Bytes input) {
    static constexpr std::string_view name =
        "\x13"
        "BitTorrent protocol";
    ByteVector made(name.begin(), name.end());
    made.resize(68, 0x55);
    made[25] = 0x10;
    made[27] = 0x05;
    while (input.size() >= 2) {
        const Byte id = input[0];
        const std::size_t length = std::min<std::size_t>(input[1], input.size() - 2);
        const auto size = static_cast<std::uint32_t>(id == 0xff ? 0 : length + 1);  // 0xff: a keep-alive
        for (int shift = 24; shift >= 0; shift -= 8) made.push_back(static_cast<Byte>(size >> shift));
        if (size != 0) {
            made.push_back(id);
            made.insert(made.end(), input.begin() + 2, input.begin() + 2 + static_cast<std::ptrdiff_t>(length));
        }
        input = input.subspan(2 + length);
    }
    return made;
}

struct Story {
    std::vector<std::size_t> news;
    Errc end = Errc::ok;
    std::uint64_t payload = 0, messages = 0;
    bool operator==(const Story&) const = default;
};

void note(Story& story, PeerWire& wire) {
    while (const auto event = wire.next_event()) {
        if (std::holds_alternative<BlockStarted>(*event)) {
            wire.set_sink(nullptr);
            continue;
        }
        story.news.push_back(event->index());
        const auto* message = std::get_if<Message>(&*event);
        if (message == nullptr) continue;
        story.news.push_back(message->index());
        const auto* extended = std::get_if<Extended>(message);
        if (extended == nullptr) continue;
        const auto handshake = parse_extended_handshake(extended->payload);
        story.news.push_back(handshake.has_value());
        if (handshake && !parse_extended_handshake(write_extended_handshake(*handshake))) std::abort();
        story.news.push_back(parse_ut_metadata(extended->payload).has_value());
    }
}

/// In pieces that end at `tear`, and of `step` bytes behind it.
Story tell(Bytes input, std::size_t tear, std::size_t step, ReceiveScratch& scratch) {
    Story story;
    PeerWire wire;
    std::size_t at = 0;
    while (at < input.size() && !wire.failed()) {
        const std::size_t n = std::min(at < tear ? tear - at : step, input.size() - at);
        if (!wire.receive(input.subspan(at, n), scratch, Time{})) break;
        note(story, wire);
        at += n;
    }
    story.end = wire.failed() ? wire.status().error().code : Errc::ok;
    story.payload = wire.payload_received();
    story.messages = wire.messages_received();
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    static ReceiveScratch scratch;
    const auto stream = stream_of({data + 2, std::min<std::size_t>(size - 2, 4096)});
    const Story whole = tell(stream, 0, scratch_overflow, scratch);
    const std::size_t tear = 1 + (std::size_t{data[0]} << 8 | data[1]) % stream.size();
    if (tell(stream, tear, scratch_overflow, scratch) != whole) std::abort();
    if (tell(stream, tear, 1, scratch) != whole) std::abort();
    if (tell(stream, 1, 1, scratch) != whole) std::abort();
    return 0;
}
