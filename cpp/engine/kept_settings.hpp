// What of the settings is remembered over the end of a session: those that may be None, as configure() left them.
//
// A session's own Settings come from whoever begins it, so only what was changed since is kept, and it comes back only
// where the next session begins with the default: who says something else is obeyed. Pure.
#pragma once

#include <span>
#include <vector>

#include "engine/settings.hpp"
#include "storage/resume.hpp"

namespace jst::engine {

/// What differs from how the session began.
std::vector<storage::SavedSetting> kept_settings(const Settings& initial, const Settings& now);
/// `now` with what was kept, where it is still as the session began and that is the default. Names that are unknown and
/// values that can not be change nothing.
Settings with_kept(const Settings& initial, const Settings& now, std::span<const storage::SavedSetting> kept);

}  // namespace jst::engine
