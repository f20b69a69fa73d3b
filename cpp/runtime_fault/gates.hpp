// Gates: where a laboratory observes, holds, fails or crashes an engine; matched and recorded here, acted on by Gated.
//
// One set serves all engines of a laboratory and outlives each of them. A gate matches when all of its conditions hold;
// it acts from its nth match on, at most `times` often. All gates that match record a hit; the first of them, in order
// of creation, that does more than observe decides.
// Thread-safe: engines ask on their threads, the laboratory reads on its own. A point without a gate costs one test.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/errc.hpp"
#include "base/time.hpp"

namespace jst::runtime_fault {

enum class GatePoint : std::uint8_t {
#define JST_GATE(name, word, place, when, keys) name,
#include "runtime_fault/gates.def"
#undef JST_GATE
};

enum class GatePlace : std::uint8_t { operation, turn };

struct GatePointRow {
    std::string_view word;
    GatePlace place = GatePlace::operation;
    std::string_view when;
    std::string_view keys;
};
/// In the order of GatePoint.
const std::vector<GatePointRow>& gate_points();

enum class GateAction : std::uint8_t { hold, observe, fail, crash };

/// What a point knows; what it has no key for, or does not know, is empty.
struct GateFacts {
    Time time;
    std::string node;
    std::string torrent;  // the 20 bytes of its info-hash
    std::string path;
    std::string_view op;
    std::optional<std::uint32_t> piece;
    std::optional<std::uint32_t> begin;
    std::optional<Endpoint> peer;
};

/// What must hold; empty: anything.
struct GateConditions {
    std::optional<std::string> node;
    std::optional<std::string> torrent;
    std::optional<std::string> path;  // absolute, or the last components of one
    std::optional<std::string> op;
    std::optional<std::uint32_t> piece;
    std::optional<std::uint32_t> begin;
    std::optional<IpAddress> host;      // of the peer
    std::optional<std::uint16_t> port;  // of the peer

    bool hold_for(const GateFacts& facts) const;
};

using GateId = std::uint64_t;

struct GateSpec {
    GatePoint point = GatePoint::hash_start;
    GateAction action = GateAction::hold;
    std::uint64_t nth = 1;
    std::optional<std::uint64_t> times;
    std::string mode;  // of a crash: the runtime's word
    Errc error = Errc::ok;
    GateConditions where;
};

/// What becomes of that which asked.
struct GateVerdict {
    GateAction action = GateAction::observe;
    GateId gate = 0;
    Errc error = Errc::ok;
    std::string mode;
};

class Gates {
  public:
    GateId add(GateSpec spec);
    /// It matches no more; its hits stay. What it holds is released by the caller.
    void remove(GateId gate);
    /// A hold lets pass from now on, and goes on recording; others stay as they are.
    void open(GateId gate);
    /// What it asked to be held is still to be held.
    bool is_closed(GateId gate) const;
    std::vector<GateFacts> hits(GateId gate, std::size_t from) const;
    std::size_t hit_count(GateId gate) const;

    bool watches(GatePoint point) const noexcept {
        return armed_[static_cast<std::size_t>(point)].load(std::memory_order_relaxed) != 0;
    }
    GateVerdict ask(GatePoint point, const GateFacts& facts);

  private:
    struct Gate {
        GateSpec spec;
        std::uint64_t matches = 0;
        bool is_open = false;
        bool is_removed = false;
        std::vector<GateFacts> hits;
    };
    static constexpr std::size_t num_points = static_cast<std::size_t>(GatePoint::have_sent) + 1;

    mutable std::mutex mutex_;
    std::map<GateId, Gate> gates_;
    GateId last_ = 0;
    std::array<std::atomic<std::uint32_t>, num_points> armed_{};
};

}  // namespace jst::runtime_fault
