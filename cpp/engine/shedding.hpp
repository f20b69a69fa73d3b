// Brings the number of links down to limits that were lowered. Decides only which limit is exceeded by how many; who
// goes is policy::choose_excess.
#pragma once

#include "engine/core.hpp"

namespace jst::engine {

/// Each torrent's own limits first, then those of hosts, then the session's.
void shed(Core& core, Time now);

}  // namespace jst::engine
