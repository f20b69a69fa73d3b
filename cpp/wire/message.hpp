// Every message of the peer protocol as a value: BEP 3, BEP 5 (port), BEP 6 (fast), BEP 10 (extended), BEP 52 (hashes).
//
// Decides nothing: numbers are as the wire has them, so a piece index may be beyond the torrent and a request may ask
// for 4 GiB. Judging them is the owner's work. Invariant: byte views point into what was received (valid until the
// machine is asked for its next event) or into what the caller wants sent.
#pragma once

#include <variant>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace jst::wire {

enum class MessageId : Byte {
    choke = 0,
    unchoke = 1,
    interested = 2,
    not_interested = 3,
    have = 4,
    bitfield = 5,
    request = 6,
    piece = 7,
    cancel = 8,
    port = 9,
    suggest = 13,
    have_all = 14,
    have_none = 15,
    reject = 16,
    allowed_fast = 17,
    extended = 20,
    hash_request = 21,
    hashes = 22,
    hash_reject = 23,
};

struct KeepAlive {};
struct Choke {};
struct Unchoke {};
struct Interested {};
struct NotInterested {};
struct HaveAll {};
struct HaveNone {};
struct Have {
    PieceIndex piece;
};
/// The raw bits: Bitfield::from_wire() checks them once the number of pieces is known.
struct BitfieldMessage {
    Bytes bits;
};
struct Request {
    Block block;
};
/// As a value only; PeerWire reports payload as BlockStarted and BlockArrived.
struct PieceMessage {
    PieceIndex piece;
    std::uint32_t begin = 0;
    Bytes data;
};
struct Cancel {
    Block block;
};
/// The peer's DHT port (BEP 5).
struct Port {
    std::uint16_t port = 0;
};
struct Suggest {
    PieceIndex piece;
};
struct Reject {
    Block block;
};
struct AllowedFast {
    PieceIndex piece;
};
/// Sub-id 0 is the extended handshake; other ids are those that the receiver gave out.
struct Extended {
    Byte id = 0;
    Bytes payload;
};
/// Which hashes of a merkle tree are meant (BEP 52).
struct HashRange {
    Sha256Digest pieces_root;
    std::uint32_t base_layer = 0;
    std::uint32_t index = 0;
    std::uint32_t length = 0;
    std::uint32_t proof_layers = 0;
};
struct HashRequest {
    HashRange range;
};
struct Hashes {
    HashRange range;
    Bytes hashes;  // a multiple of 32 bytes
};
struct HashReject {
    HashRange range;
};
/// An id that nobody here knows. Policy: the body (`length` bytes after the id) is skipped as it streams by, nothing of
/// it is kept, and the owner counts it; it is no reason to disconnect.
struct Unknown {
    Byte id = 0;
    std::uint32_t length = 0;
};

using Message = std::variant<KeepAlive, Choke, Unchoke, Interested, NotInterested, Have, BitfieldMessage, Request,
                             PieceMessage, Cancel, Port, Suggest, HaveAll, HaveNone, Reject, AllowedFast, Extended,
                             HashRequest, Hashes, HashReject, Unknown>;

}  // namespace jst::wire
