#include "engine/kept_settings.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>

namespace jst::engine {
namespace {

constexpr double per_unit = 1e6;  // ratios are kept as millionths

std::optional<std::uint64_t> to_kept(const setting::Limit& value) { return value; }
std::optional<std::uint64_t> to_kept(const setting::Ratio& value) {
    constexpr double most = 9e18;
    return value ? std::optional(static_cast<std::uint64_t>(std::min(most, *value * per_unit) + 0.5)) : std::nullopt;
}

void from_kept(const std::optional<std::uint64_t>& kept, setting::Limit& value) { value = kept; }
void from_kept(const std::optional<std::uint64_t>& kept, setting::Ratio& value) {
    value = kept ? std::optional(static_cast<double>(*kept) / per_unit) : std::nullopt;
}

void keep(std::string_view name, const auto& before, const auto& now, std::vector<storage::SavedSetting>& out) {
    using Value = std::remove_cvref_t<decltype(now)>;
    if constexpr (std::is_same_v<Value, setting::Limit> || std::is_same_v<Value, setting::Ratio>)
        if (before != now) out.push_back({std::string(name), to_kept(now)});
}

void take(const storage::SavedSetting& kept, const Settings& initial, auto Settings::* field, Settings& settings) {
    using Value = std::remove_cvref_t<decltype(settings.*field)>;
    static const Settings standard;
    if constexpr (std::is_same_v<Value, setting::Limit> || std::is_same_v<Value, setting::Ratio>) {
        const bool is_free = initial.*field == standard.*field && settings.*field == initial.*field;
        if (!is_free) return;
        Settings changed = settings;
        from_kept(kept.value, changed.*field);
        if (!check(changed)) settings = std::move(changed);
    }
}

}  // namespace

std::vector<storage::SavedSetting> kept_settings(const Settings& initial, const Settings& now) {
    std::vector<storage::SavedSetting> out;
#define JST_SETTING(name, kind, standard, least, reason) keep(#name, initial.name, now.name, out);
#include "engine/settings.def"
#undef JST_SETTING
    return out;
}

Settings with_kept(const Settings& initial, const Settings& now, std::span<const storage::SavedSetting> kept) {
    Settings settings = now;
    for (const auto& one : kept) {
#define JST_SETTING(key, kind, standard, least, reason) \
    if (one.name == #key) take(one, initial, &Settings::key, settings);
#include "engine/settings.def"
#undef JST_SETTING
    }
    return settings;
}

}  // namespace jst::engine
