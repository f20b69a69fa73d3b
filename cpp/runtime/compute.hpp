// Hashing, the only heavy arithmetic of the engine.
//
// All hashes submitted in one round may run together in parallel lanes; results do not depend on it.
// The spans stay untouched until completion: a simulated runtime checks that and calls a change a broken rule.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "runtime/op.hpp"

namespace jst::runtime {

/// Whether a hash may wait a little for others to share its call: not at all; while the loop has other work; also in
/// between, while more come fast.
enum class Patience : std::uint8_t { none, while_busy, patient };

/// One message over all spans: sha1 and/or sha256; and, if `leaves` is not empty, the SHA-256 of each span by itself.
struct HashOp : Op {
    std::span<const Bytes> spans;
    bool want_sha1 = false;
    bool want_sha256 = false;
    bool bulk = false;  // a check: may wait behind others
    Patience patience = Patience::none;
    std::span<Sha256Digest> leaves;
    Sha1Digest sha1;
    Sha256Digest sha256;
};

/// A SHA-1 that is fed in order of submission, for pieces too long to stay in memory. Outlives what feeds it.
class HashState {
  public:
    virtual ~HashState() = default;
};

struct HashMoreOp : Op {
    HashState* state = nullptr;
    std::span<const Bytes> spans;
    bool last = false;  // then `sha1` is set
    bool bulk = false;  // a check: may wait behind others
    Sha1Digest sha1;
};

class Compute {
  public:
    virtual ~Compute() = default;
    virtual void hash(HashOp& op) = 0;
    virtual std::unique_ptr<HashState> new_state() = 0;
    virtual void hash_more(HashMoreOp& op) = 0;
    virtual std::size_t pending() const noexcept = 0;
};

}  // namespace jst::runtime
