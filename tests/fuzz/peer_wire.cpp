// peer wire: the messages and blocks must not depend on how the bytes were cut. The first byte of the input is the size
// of the cuts.
#include "wire/peer_wire.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

using namespace jst;
using namespace jst::wire;

struct Story {
    std::vector<std::uint32_t> news;  // which alternative, and which message within it
    Errc end = Errc::ok;
    std::uint64_t payload = 0;
};

void note(Story& story, PeerWire& wire) {
    while (const auto event = wire.next_event()) {
        std::uint32_t word = static_cast<std::uint32_t>(event->index());
        if (const auto* message = std::get_if<Message>(&*event)) {
            word |= static_cast<std::uint32_t>(message->index()) << 8;
        }
        if (std::holds_alternative<BlockStarted>(*event)) {
            wire.set_sink(nullptr);  // only tells how the bytes came
            continue;
        }
        if (const auto* block = std::get_if<BlockArrived>(&*event)) {
            if (block->placement == Placement::in_slot) std::abort();  // nobody gave it a place
            story.news.push_back(block->block.begin);
        }
        story.news.push_back(word);
    }
}

Story tell(Bytes input, std::size_t cut, ReceiveScratch& scratch) {
    Story story;
    PeerWire wire;
    while (!input.empty()) {
        const std::size_t n = std::min(cut, input.size());
        if (!wire.receive(input.first(n), scratch, Time{})) break;
        note(story, wire);
        if (wire.failed()) break;
        input = input.subspan(n);
    }
    story.end = wire.failed() ? wire.status().error().code : Errc::ok;
    story.payload = wire.payload_received();
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    static ReceiveScratch scratch;
    const Bytes input{data + 1, size - 1};
    const Story whole = tell(input, scratch_overflow, scratch);
    const Story cut = tell(input, std::size_t{1} + data[0], scratch);
    if (whole.news != cut.news || whole.end != cut.end || whole.payload != cut.payload) std::abort();
    return 0;
}
