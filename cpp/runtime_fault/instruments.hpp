// What a laboratory hangs on each engine that it starts: its gates, and whoever else listens to the points in turns.
//
// One for all engines of a laboratory; a Gated takes it in hand for one life of one engine. Add watchers before the
// first engine starts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"
#include "runtime_fault/gates.hpp"

namespace jst::runtime_fault {

class Watcher {
  public:
    virtual ~Watcher() = default;
    /// A probe for the life of an engine that begins on this node; `world` is what that engine lives in.
    virtual std::unique_ptr<runtime::Probe> watch(const std::string& node, runtime::Runtime& world) = 0;
};

struct Instruments {
    Gates gates;
    std::vector<std::shared_ptr<Watcher>> watchers;
};

}  // namespace jst::runtime_fault
