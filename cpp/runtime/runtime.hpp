// The world as one bundle of interfaces; the engine is given one and knows no implementation.
#pragma once

#include "base/prng.hpp"
#include "runtime/clock.hpp"
#include "runtime/compute.hpp"
#include "runtime/disk.hpp"
#include "runtime/host.hpp"
#include "runtime/net.hpp"
#include "runtime/probe.hpp"

namespace jst::runtime {

/// Luck, by name: the stream (entity, purpose) is the same in every run of one seed, whoever else is there.
class Entropy {
  public:
    virtual ~Entropy() = default;
    virtual Prng stream(std::uint64_t entity, std::string_view purpose) = 0;
    /// Unpredictable bytes for keys and tokens (in simulation: the seed's).
    virtual void secret(MutableBytes out) = 0;
};

struct Runtime {
    Clock& clock;
    Net& net;
    Disk& disk;
    Compute& compute;
    Entropy& entropy;
    Probe* probe = nullptr;

    void point(Point id, const Tag& tag) const {
        if (probe != nullptr) probe->point(id, tag);
    }
};

}  // namespace jst::runtime
