// A record of the state_dir that was not used, and why.
#pragma once

#include <string>

#include "base/result.hpp"

namespace jst::engine {

struct StateProblem {
    std::string path;
    Error error;
    std::string kept_at;  // where it is now; empty: where it was

    const std::string& where() const noexcept { return kept_at.empty() ? path : kept_at; }
};

}  // namespace jst::engine
