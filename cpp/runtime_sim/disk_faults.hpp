// What goes wrong on a simulated disk: operations that fail, stop half-way or take long.
//
// A fault names actions, a path (itself and all below it) and bytes of a file; from its nth match on it strikes `times`
// times. Of several that match one operation the oldest whose turn it is decides; all of them count. Delays are asked
// for when an operation is submitted, errors when it takes effect. Knows no file and no time. Invariant: 1. no luck.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "runtime/disk.hpp"

namespace jst::runtime_sim {

constexpr std::uint32_t bit_of(runtime::DiskAction action) noexcept { return 1u << static_cast<unsigned>(action); }

/// Itself or below it; both absolute and without "..".
bool is_at_or_below(std::string_view path, std::string_view directory) noexcept;

struct DiskFault {
    std::uint32_t actions = 0;  // of bit_of()
    std::string path;           // empty: all
    std::uint64_t low = 0;      // of the bytes that an operation touches; those that touch none match any
    std::uint64_t high = ~std::uint64_t{0};
    std::uint64_t nth = 1;
    std::uint64_t times = 0;  // 0: for ever
    Errc error = Errc::ok;    // ok: none
    bool is_short = false;    // half of the bytes, then short_write; a read just ends there
    Duration delay;
    std::uint64_t seen = 0;
    std::uint64_t hits = 0;
};

class DiskFaults {
  public:
    using Id = std::uint64_t;
    struct Strike {
        Errc error = Errc::ok;
        bool is_short = false;
    };

    Id add(DiskFault fault);
    void remove(Id id) { faults_.erase(id); }
    const DiskFault* find(Id id) const;
    bool empty() const noexcept { return faults_.empty(); }

    /// `path`: of the file, for operations that name none.
    Duration delay(const runtime::DiskOp& op, std::string_view path);
    std::optional<Strike> strike(const runtime::DiskOp& op, std::string_view path);

  private:
    static bool touches(const DiskFault& fault, const runtime::DiskOp& op, std::string_view path) noexcept;
    static bool is_due(DiskFault& fault) noexcept;

    std::map<Id, DiskFault> faults_;
    Id next_ = 1;
};

}  // namespace jst::runtime_sim
