#include "wire/message_codec.hpp"

#include <algorithm>

#include "base/planted.hpp"

namespace jst::wire {
namespace {

constexpr std::uint32_t piece_fixed = 9;        // id, piece, begin
constexpr std::uint32_t hash_range_fixed = 49;  // id, root, four numbers
constexpr std::uint32_t longest_piece = piece_fixed + max_block_length;

/// What the length prefix must say, or 0 where the size varies or the id is unknown.
constexpr std::uint32_t fixed_length(MessageId id) noexcept {
    switch (id) {
        case MessageId::choke:
        case MessageId::unchoke:
        case MessageId::interested:
        case MessageId::not_interested:
        case MessageId::have_all:
        case MessageId::have_none:
            return 1;
        case MessageId::port:
            return 3;
        case MessageId::have:
        case MessageId::suggest:
        case MessageId::allowed_fast:
            return 5;
        case MessageId::request:
        case MessageId::cancel:
        case MessageId::reject:
            return 13;
        case MessageId::hash_request:
        case MessageId::hash_reject:
            return hash_range_fixed;
        default:
            return 0;
    }
}
static_assert(length_prefix_size + hash_range_fixed == max_fixed_frame);

/// Judges a length by its id; ok when the frame may come.
constexpr Errc judge(MessageId id, std::uint32_t length, std::uint32_t max_message_size) noexcept {
    if (const std::uint32_t fixed = fixed_length(id)) return length == fixed ? Errc::ok : Errc::bad_message;
    if (id == MessageId::piece) {
        if (length < piece_fixed && !planted<Plant::short_piece_taken>()) return Errc::bad_message;
        return length > longest_piece ? Errc::message_too_large : Errc::ok;
    }
    if (length > max_message_size) return Errc::message_too_large;
    if (id == MessageId::extended && length < 2) return Errc::bad_message;
    if (id == MessageId::hashes &&
        (length < hash_range_fixed || (length - hash_range_fixed) % Sha256Digest::size != 0)) {
        return Errc::bad_message;
    }
    return Errc::ok;
}

std::uint32_t u32_at(Bytes bytes, std::size_t at) noexcept { return load_be<std::uint32_t>(bytes.data() + at); }
PieceIndex piece_at(Bytes body) noexcept { return PieceIndex{u32_at(body, 1)}; }
Block block_at(Bytes body) noexcept { return {piece_at(body), u32_at(body, 5), u32_at(body, 9)}; }
HashRange range_at(Bytes body) noexcept {
    return {Sha256Digest::from(body.subspan(1, Sha256Digest::size)), u32_at(body, 33), u32_at(body, 37),
            u32_at(body, 41), u32_at(body, 45)};
}

Message decode_checked(MessageId id, Bytes body) noexcept {
    switch (id) {
        case MessageId::choke:
            return Choke{};
        case MessageId::unchoke:
            return Unchoke{};
        case MessageId::interested:
            return Interested{};
        case MessageId::not_interested:
            return NotInterested{};
        case MessageId::have:
            return Have{piece_at(body)};
        case MessageId::bitfield:
            return BitfieldMessage{body.subspan(1)};
        case MessageId::request:
            return Request{block_at(body)};
        case MessageId::piece:
            return PieceMessage{piece_at(body), u32_at(body, 5), body.subspan(piece_fixed)};
        case MessageId::cancel:
            return Cancel{block_at(body)};
        case MessageId::port:
            return Port{load_be<std::uint16_t>(body.data() + 1)};
        case MessageId::suggest:
            return Suggest{piece_at(body)};
        case MessageId::have_all:
            return HaveAll{};
        case MessageId::have_none:
            return HaveNone{};
        case MessageId::reject:
            return Reject{block_at(body)};
        case MessageId::allowed_fast:
            return AllowedFast{piece_at(body)};
        case MessageId::extended:
            return Extended{body[1], body.subspan(2)};
        case MessageId::hash_request:
            return HashRequest{range_at(body)};
        case MessageId::hashes:
            return Hashes{range_at(body), body.subspan(hash_range_fixed)};
        case MessageId::hash_reject:
            return HashReject{range_at(body)};
    }
    return Unknown{static_cast<Byte>(id), static_cast<std::uint32_t>(body.size() - 1)};
}

/// Appends one frame per kind of message.
class Encoder {
  public:
    explicit Encoder(ByteVector& out) noexcept : out_(out) {}

    void operator()(const KeepAlive&) { out_.u32(0); }
    void operator()(const Choke&) { begin(MessageId::choke, 0); }
    void operator()(const Unchoke&) { begin(MessageId::unchoke, 0); }
    void operator()(const Interested&) { begin(MessageId::interested, 0); }
    void operator()(const NotInterested&) { begin(MessageId::not_interested, 0); }
    void operator()(const HaveAll&) { begin(MessageId::have_all, 0); }
    void operator()(const HaveNone&) { begin(MessageId::have_none, 0); }
    void operator()(const Have& m) { begin(MessageId::have, 4).u32(m.piece.value); }
    void operator()(const Suggest& m) { begin(MessageId::suggest, 4).u32(m.piece.value); }
    void operator()(const AllowedFast& m) { begin(MessageId::allowed_fast, 4).u32(m.piece.value); }
    void operator()(const BitfieldMessage& m) { begin(MessageId::bitfield, m.bits.size()).bytes(m.bits); }
    void operator()(const Request& m) { block(MessageId::request, m.block); }
    void operator()(const Cancel& m) { block(MessageId::cancel, m.block); }
    void operator()(const Reject& m) { block(MessageId::reject, m.block); }
    void operator()(const PieceMessage& m) {
        begin(MessageId::piece, 8 + m.data.size()).u32(m.piece.value).u32(m.begin).bytes(m.data);
    }
    void operator()(const Port& m) { begin(MessageId::port, 2).u16(m.port); }
    void operator()(const Extended& m) { begin(MessageId::extended, 1 + m.payload.size()).u8(m.id).bytes(m.payload); }
    void operator()(const HashRequest& m) { range(MessageId::hash_request, m.range); }
    void operator()(const HashReject& m) { range(MessageId::hash_reject, m.range); }
    void operator()(const Hashes& m) { range(MessageId::hashes, m.range, m.hashes); }
    void operator()(const Unknown& m) {
        begin(MessageId{m.id}, m.length);
        for (std::uint32_t i = 0; i < m.length; ++i) out_.u8(0);
    }

  private:
    ByteWriter& begin(MessageId id, std::size_t body) {
        return out_.u32(static_cast<std::uint32_t>(1 + body)).u8(static_cast<Byte>(id));
    }
    void block(MessageId id, const Block& b) { begin(id, 12).u32(b.piece.value).u32(b.begin).u32(b.length); }
    void range(MessageId id, const HashRange& r, Bytes hashes = {}) {
        begin(id, hash_range_fixed - 1 + hashes.size()).bytes(r.pieces_root.view());
        out_.u32(r.base_layer).u32(r.index).u32(r.length).u32(r.proof_layers).bytes(hashes);
    }

    ByteWriter out_;
};

}  // namespace

PieceHeader encode_piece_header(const Block& block) noexcept {
    PieceHeader out;
    store_be(out.data(), piece_fixed + block.length);
    out[4] = static_cast<Byte>(MessageId::piece);
    store_be(out.data() + 5, block.piece.value);
    store_be(out.data() + 9, block.begin);
    return out;
}

Block decode_piece_header(Bytes header) noexcept {
    return {PieceIndex{u32_at(header, 5)}, u32_at(header, 9), u32_at(header, 0) - piece_fixed};
}

bool is_known(MessageId id) noexcept {
    return fixed_length(id) != 0 || id == MessageId::piece || id == MessageId::bitfield || id == MessageId::extended ||
           id == MessageId::hashes;
}

Result<std::size_t> frame_needs(Bytes prefix, std::uint32_t max_message_size) noexcept {
    if (prefix.size() < length_prefix_size) return length_prefix_size;
    const std::uint32_t length = u32_at(prefix, 0);
    if (length == 0) return length_prefix_size;
    if (planted<Plant::frame_limit_missing>()) max_message_size = ~std::uint32_t{0};
    if (planted<Plant::block_limit_missing>() && prefix.size() > 4 && frame_id(prefix) == MessageId::piece)
        return piece_header_size;
    // Before the id is there, the longest frame of any kind is the bound.
    if (length > std::max(max_message_size, longest_piece)) return fail(Errc::message_too_large);
    if (prefix.size() <= length_prefix_size) return length_prefix_size + 1;
    const MessageId id = frame_id(prefix);
    if (const Errc code = judge(id, length, max_message_size); code != Errc::ok) return fail(code);
    if (id == MessageId::piece) return piece_header_size;
    if (!is_known(id)) return length_prefix_size + 1;
    return length_prefix_size + length;
}

Result<Message> decode_message(Bytes body) noexcept {
    if (body.empty()) return Message{KeepAlive{}};
    const MessageId id{body[0]};
    const auto most = static_cast<std::uint32_t>(-1);
    if (body.size() > most) return fail(Errc::message_too_large);
    if (const Errc code = judge(id, static_cast<std::uint32_t>(body.size()), most); code != Errc::ok) return fail(code);
    return decode_checked(id, body);
}

void encode_message(ByteVector& out, const Message& message) { std::visit(Encoder(out), message); }

ByteVector encode_message(const Message& message) {
    ByteVector out;
    encode_message(out, message);
    return out;
}

}  // namespace jst::wire
