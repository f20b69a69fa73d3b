// SHA-1 and SHA-256: through OpenSSL (algorithms fetched once, contexts reused), many at once in our own lanes.
//
// One-shot, many messages at once, and an incremental state that can be copied and so be put aside. Knows no pieces.
// A message may lie scattered over several spans (a piece is a row of 16 KiB blocks). The *_many functions are the
// place for kernels that hash several messages side by side: hand them all you have. The answers never depend on how
// many.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.hpp"

namespace jst::codec {

using Message = std::span<const Bytes>;

Sha1Digest sha1(Bytes message);
Sha256Digest sha256(Bytes message);

/// out[i] = hash of messages[i]; both have the same size (JST_CHECK).
void sha1_many(std::span<const Bytes> messages, std::span<Sha1Digest> out);
void sha1_many(std::span<const Message> messages, std::span<Sha1Digest> out);
void sha256_many(std::span<const Bytes> messages, std::span<Sha256Digest> out);
void sha256_many(std::span<const Message> messages, std::span<Sha256Digest> out);

/// A hash under way. A copy goes its own way; a moved-from one can only be assigned or destroyed.
template <std::size_t N>
class HashState {
  public:
    HashState();
    HashState(const HashState& other);
    HashState& operator=(const HashState& other);
    HashState(HashState&& other) noexcept = default;
    HashState& operator=(HashState&& other) noexcept = default;
    ~HashState() = default;

    void update(Bytes more);
    /// The digest of all updates; afterwards the state is as new.
    Digest<N> finish();

  private:
    struct Free {
        void operator()(void* context) const noexcept;
    };
    std::unique_ptr<void, Free> context_;
};

extern template class HashState<20>;
extern template class HashState<32>;
using Sha1State = HashState<20>;
using Sha256State = HashState<32>;

}  // namespace jst::codec
