// The laboratory's door to the two halves of a peer connection. It plays the owner: it has a slot for each block that a
// script knows, reads what the script gives, and answers what the machine asks.
#include <algorithm>
#include <map>
#include <set>

#include "bind/lab_wire.hpp"
#include "wire/peer_output.hpp"
#include "wire/peer_wire.hpp"

namespace jst::bind {
namespace {

using namespace wire;

using BlockTuple = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
Block block_from(const BlockTuple& t) { return {PieceIndex{std::get<0>(t)}, std::get<1>(t), std::get<2>(t)}; }
BlockTuple tuple_from(const Block& b) { return {b.piece.value, b.begin, b.length}; }

constexpr const char* placement_names[] = {"in_slot", "in_scratch", "discarded"};

class WireDoor {
  public:
    WireDoor(ReceiveScratch& scratch, std::uint32_t max_message_size, bool handshake)
        : scratch_(scratch),
          wire_(max_message_size, handshake ? PeerWire::Start::at_handshake : PeerWire::Start::at_messages) {}

    /// One `data` through as many reads as its room asks for. `expected` predicts; blocks that are here or arriving are
    /// left out, as the owner would. `refuse`: blocks without a slot. `abandon`: slots taken back once they have begun.
    py::list read(const py::bytes& data, const std::vector<BlockTuple>& expected, const std::set<BlockTuple>& refuse,
                  const std::set<BlockTuple>& abandon) {
        py::list events;
        feed(view_of(data), events, expected, refuse, abandon);
        return events;
    }
    /// The same in reads of `size` bytes, without Python in between: what parsing alone costs.
    py::list read_crumbs(const py::bytes& data, std::size_t size) {
        py::list events;
        Bytes left = view_of(data);
        while (!left.empty()) {
            const std::size_t part = std::clamp<std::size_t>(size, 1, left.size());
            feed(left.first(part), events, {}, {}, {});
            left = left.subspan(part);
        }
        return events;
    }
    void abandon() { wire_.abandon_sink(); }
    py::object error() const {
        const auto status = wire_.status();
        if (status) return py::none();
        return py::make_tuple(std::string(word(status.error().code)), status.error().detail);
    }
    /// What a further read is told.
    void commit_again() {
        const auto result = wire_.commit(0, now_);
        if (!result) raise(result.error());
    }
    py::dict slots() const {
        py::dict out;
        for (const auto& [block, bytes] : slots_)
            if (received_.contains(block)) out[py::cast(block)] = to_python(bytes);
        return out;
    }
    const PeerWire& wire() const { return wire_; }
    std::size_t spans() const { return spans_; }

  private:
    void feed(Bytes left, py::list& events, const std::vector<BlockTuple>& expected, const std::set<BlockTuple>& refuse,
              const std::set<BlockTuple>& abandon) {
        while (!left.empty() && !wire_.failed()) {
            std::array<MutableBytes, max_spans> out;
            const std::size_t count = wire_.prepare(expectations(expected), scratch_, out);
            spans_ = count;
            std::size_t n = 0;
            for (std::size_t i = 0; i < count && !left.empty(); ++i) {
                const std::size_t part = std::min(left.size(), out[i].size());
                std::copy_n(left.begin(), part, out[i].begin());
                left = left.subspan(part);
                n += part;
            }
            now_ = now_ + nanoseconds(1);
            static_cast<void>(wire_.commit(n, now_));
            while (auto event = wire_.next_event()) take(*event, events, refuse, abandon);
        }
    }
    Byte* slot(const BlockTuple& block) {
        auto& bytes = slots_[block];
        bytes.resize(std::get<2>(block));
        return bytes.data();
    }
    std::span<const ExpectedBlock> expectations(const std::vector<BlockTuple>& expected) {
        expected_.clear();
        for (const auto& block : expected) {
            const auto arriving = wire_.arriving();
            if (received_.contains(block) || (arriving && tuple_from(*arriving) == block)) continue;
            expected_.push_back({block_from(block), slot(block)});
        }
        return expected_;
    }
    void take(const PeerWire::Event& event, py::list& events, const std::set<BlockTuple>& refuse,
              const std::set<BlockTuple>& abandon) {
        if (const auto* m = std::get_if<Message>(&event)) {
            events.append(message_to_tuple(*m));
        } else if (const auto* started = std::get_if<BlockStarted>(&event)) {
            const BlockTuple block = tuple_from(started->block);
            events.append(py::make_tuple("block_started", block, started->in_place));
            if (!started->in_place && !refuse.contains(block) && !received_.contains(block))
                wire_.set_sink(slot(block));
            if (abandon.contains(block)) wire_.abandon_sink();
        } else if (const auto* arrived = std::get_if<BlockArrived>(&event)) {
            const BlockTuple block = tuple_from(arrived->block);
            events.append(py::make_tuple("block_arrived", block,
                                         placement_names[static_cast<std::size_t>(arrived->placement)],
                                         to_python(arrived->data)));
            keep(block, *arrived, refuse);
        } else if (const auto* preamble = std::get_if<HandshakePreamble>(&event)) {
            events.append(
                py::make_tuple("preamble", to_python(preamble->reserved.bytes), to_python(preamble->info_hash.view())));
        } else {
            const auto& h = std::get<Handshake>(event);
            events.append(py::make_tuple("handshake", to_python(h.reserved.bytes), to_python(h.info_hash.view()),
                                         to_python(h.peer_id.view())));
        }
    }
    void keep(const BlockTuple& block, const BlockArrived& arrived, const std::set<BlockTuple>& refuse) {
        if (arrived.placement == Placement::discarded || refuse.contains(block) || received_.contains(block)) return;
        Byte* place = slot(block);
        if (arrived.data.data() != place) std::copy(arrived.data.begin(), arrived.data.end(), place);
        received_.insert(block);
    }

    ReceiveScratch& scratch_;
    PeerWire wire_;
    Time now_{0};
    std::size_t spans_ = 0;
    std::vector<ExpectedBlock> expected_;
    std::map<BlockTuple, ByteVector> slots_;
    std::set<BlockTuple> received_;
};

class OutputDoor {
  public:
    void push(const py::tuple& message) { output_.push(message_from_tuple(message)); }
    void push_raw(const py::bytes& bytes) { output_.push_raw(view_of(bytes)); }
    void push_block(std::uint32_t piece, std::uint32_t begin, const py::bytes& data, std::uint64_t token) {
        const ByteVector& kept = blocks_[token] = to_vector(view_of(data));
        output_.push_block({PieceIndex{piece}, begin, static_cast<std::uint32_t>(kept.size())}, kept, token);
    }
    py::bytes gather(std::size_t spans) {
        spans_.assign(spans, Bytes{});
        spans_.resize(output_.gather(spans_));
        return gathered();
    }
    /// The same memory read again: nothing of it may have moved.
    py::bytes gathered() const {
        ByteVector all;
        for (const Bytes part : spans_) all.insert(all.end(), part.begin(), part.end());
        return to_python(all);
    }
    void consumed(std::size_t n) { output_.consumed(n); }
    std::optional<std::uint64_t> cancel(const BlockTuple& block) { return output_.cancel(block_from(block)); }
    std::vector<std::uint64_t> drop_blocks() {
        std::vector<QueuedBlock> dropped;
        output_.drop_blocks(dropped);
        std::vector<std::uint64_t> tokens;
        for (const auto& queued : dropped) tokens.push_back(queued.token);
        return tokens;
    }
    void close() { output_.close(); }
    std::vector<std::uint64_t> take_released() {
        std::vector<std::uint64_t> out;
        output_.take_released(out);
        return out;
    }
    std::size_t span_count() const { return spans_.size(); }
    const PeerOutput& output() const { return output_; }

  private:
    PeerOutput output_;
    std::vector<Bytes> spans_;
    std::map<std::uint64_t, ByteVector> blocks_;
};

void bind_wire_door(py::module_& lab) {
    py::class_<ReceiveScratch>(lab, "ReceiveScratch").def(py::init<>());
    py::class_<WireDoor>(lab, "PeerWire")
        .def(py::init<ReceiveScratch&, std::uint32_t, bool>(), py::arg("scratch"),
             py::arg("max_message_size") = default_max_message_size, py::arg("handshake") = false,
             py::keep_alive<1, 2>())
        .def("read", &WireDoor::read, py::arg("data"), py::arg("expected") = std::vector<BlockTuple>{},
             py::arg("refuse") = std::set<BlockTuple>{}, py::arg("abandon") = std::set<BlockTuple>{})
        .def("read_crumbs", &WireDoor::read_crumbs, py::arg("data"), py::arg("size"))
        .def("abandon_sink", &WireDoor::abandon)
        .def("commit_again", &WireDoor::commit_again)
        .def_property_readonly("error", &WireDoor::error)
        .def_property_readonly("slots", &WireDoor::slots)
        .def_property_readonly("spans", &WireDoor::spans)
        .def_property_readonly("arriving",
                               [](const WireDoor& d) -> std::optional<BlockTuple> {
                                   const auto block = d.wire().arriving();
                                   return block ? std::optional(tuple_from(*block)) : std::nullopt;
                               })
        .def_property_readonly("has_sink", [](const WireDoor& d) { return d.wire().has_sink(); })
        .def_property_readonly("messages_received", [](const WireDoor& d) { return d.wire().messages_received(); })
        .def_property_readonly("wire_received", [](const WireDoor& d) { return d.wire().wire_received(); })
        .def_property_readonly("payload_received", [](const WireDoor& d) { return d.wire().payload_received(); })
        .def_property_readonly("bytes_copied", [](const WireDoor& d) { return d.wire().bytes_copied(); })
        .def_property_readonly("held_memory", [](const WireDoor& d) { return d.wire().held_memory(); })
        .def_property_readonly("last_received", [](const WireDoor& d) { return d.wire().last_received().ns; });
    lab.attr("max_predicted") = max_predicted;
    lab.attr("scratch_overflow") = scratch_overflow;
}

void bind_output_door(py::module_& lab) {
    py::class_<OutputDoor>(lab, "PeerOutput")
        .def(py::init<>())
        .def("push", &OutputDoor::push)
        .def("push_raw", &OutputDoor::push_raw)
        .def("push_block", &OutputDoor::push_block)
        .def("gather", &OutputDoor::gather, py::arg("spans") = max_spans)
        .def("gathered", &OutputDoor::gathered)
        .def("consumed", &OutputDoor::consumed)
        .def("cancel", &OutputDoor::cancel)
        .def("drop_blocks", &OutputDoor::drop_blocks)
        .def("close", &OutputDoor::close)
        .def("take_released", &OutputDoor::take_released)
        .def_property_readonly("span_count", &OutputDoor::span_count)
        .def_property_readonly("writing", [](const OutputDoor& d) { return d.output().writing(); })
        .def_property_readonly("pending_bytes", [](const OutputDoor& d) { return d.output().pending_bytes(); })
        .def_property_readonly("pending_payload", [](const OutputDoor& d) { return d.output().pending_payload(); })
        .def_property_readonly("pending_blocks", [](const OutputDoor& d) { return d.output().pending_blocks(); })
        .def_property_readonly("wire_sent", [](const OutputDoor& d) { return d.output().wire_sent(); })
        .def_property_readonly("payload_sent", [](const OutputDoor& d) { return d.output().payload_sent(); });
}

}  // namespace

void bind_lab_peer_wire(py::module_& module) {
    py::module_ lab = module.def_submodule("lab");
    bind_wire_door(lab);
    bind_output_door(lab);
}

}  // namespace jst::bind
