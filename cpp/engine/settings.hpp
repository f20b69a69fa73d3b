// All settings of a session as plain values; names, defaults, bounds and reasons stand in settings.def.
//
// Checked by check(): the binding never hands unchecked settings down. Knows nothing of where they come from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace jst::engine {

using Limit = std::optional<std::uint64_t>;

namespace setting {
using Seconds = double;
using Limit = std::optional<std::uint64_t>;
using Count = std::uint64_t;
using Ratio = std::optional<double>;
using Flag = bool;
using Word = std::string;
using Words = std::vector<std::string>;
using OptionalWord = std::optional<std::string>;
using Port = std::optional<std::uint16_t>;
}  // namespace setting

struct Settings {
#define JST_SETTING(name, kind, standard, least, reason) setting::kind name = standard;
#include "engine/settings.def"
#undef JST_SETTING

    friend bool operator==(const Settings&, const Settings&) = default;
};

struct SettingError {
    std::string key;
    std::string message;
};

/// The first setting that can not be, with a sentence that says what could.
std::optional<SettingError> check(const Settings& settings);

/// What may differ for one torrent. Unset: the session's, or no limit of its own.
struct TorrentLimits {
    Limit download_rate_limit;
    Limit upload_rate_limit;
    Limit max_connections;
    Limit upload_slots;
    std::optional<double> seed_ratio_limit;
    Limit seed_time_limit;

    friend bool operator==(const TorrentLimits&, const TorrentLimits&) = default;
};

inline Duration to_duration(setting::Seconds s) noexcept { return from_seconds(s); }
inline constexpr std::uint64_t most_seconds = 9'000'000'000;  // three centuries: a Duration holds hardly more
/// Of whole seconds, exactly.
inline Duration to_duration(std::uint64_t s) noexcept {
    return seconds(static_cast<std::int64_t>(std::min(s, most_seconds)));
}
inline bool below(const Limit& limit, std::uint64_t n) noexcept { return !limit || n < *limit; }

}  // namespace jst::engine
