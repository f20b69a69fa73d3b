// Hashes many messages of any lengths with the side-by-side kernels (RFC 3174): keeps the lanes full.
//
// Invariant: the digests are those of hashing each message alone, whatever the order and the number of lanes.
#pragma once

#include <span>

#include "codec/sha.hpp"

namespace jst::codec {

/// False when this machine has no kernels: then nothing was done.
bool sha1_lanes(std::span<const Message> messages, std::span<Sha1Digest> out);

}  // namespace jst::codec
