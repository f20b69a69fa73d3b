// Unpacks gzip (RFC 1952) as it comes, into an output that is bounded before it is made: a bomb costs its limit.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hpp"

namespace jst::http {

class Gunzip {
  public:
    Gunzip();
    Gunzip(const Gunzip&) = delete;
    ~Gunzip();

    /// Appends what `in` holds. Errc::too_large when `out` would grow beyond `max_size`, Errc::bad_value when it is no
    /// gzip. Bytes behind the end are ignored.
    Result<void> feed(Bytes in, ByteVector& out, std::size_t max_size);
    /// The end was there, and the checksum was right.
    bool is_complete() const noexcept { return complete_; }

  private:
    struct State;
    std::unique_ptr<State> state_;
    bool complete_ = false;
};

}  // namespace jst::http
