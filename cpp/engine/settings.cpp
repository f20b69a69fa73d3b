#include "engine/settings.hpp"

#include <algorithm>
#include <cmath>

#include "base/network.hpp"

namespace jst::engine {
namespace {

std::optional<std::string> too_small(double value, double least) {
    if (std::isfinite(value) && value >= least) return std::nullopt;
    std::string text = std::to_string(least);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return "must be a finite number of at least " + text;
}

std::optional<std::string> judge(setting::Seconds v, double least) {
    constexpr double most = 3.2e9;  // a hundred years; far within Duration
    if (v > most) return "must be at most 3200000000 seconds";
    return too_small(v, least);
}
std::optional<std::string> judge(const setting::Limit& v, double least) {
    if (!v || static_cast<double>(*v) >= least) return std::nullopt;
    return *too_small(static_cast<double>(*v), least) + ", or None for no limit";
}
std::optional<std::string> judge(setting::Count v, double least) { return too_small(static_cast<double>(v), least); }
std::optional<std::string> judge(const setting::Ratio& v, double least) {
    return v ? too_small(*v, least) : std::nullopt;
}
std::optional<std::string> judge(const setting::Port& v, double) {
    return v && *v == 0 ? std::optional<std::string>("must be 1 to 65535, or None for any free port") : std::nullopt;
}
template <class Other>
std::optional<std::string> judge(const Other&, double) {
    return std::nullopt;
}

bool one_of(const std::string& value, std::initializer_list<const char*> words) {
    for (const char* word : words)
        if (value == word) return true;
    return false;
}

std::optional<SettingError> check_words(const Settings& s) {
    if (!one_of(s.choker, {"tit-for-tat", "round-robin"}))
        return SettingError{"choker", "must be \"tit-for-tat\" or \"round-robin\""};
    if (!one_of(s.seed_choker, {"tit-for-tat", "round-robin"}))
        return SettingError{"seed_choker", "must be \"tit-for-tat\" or \"round-robin\""};
    if (!one_of(s.piece_order, {"rarest", "sequential"}))
        return SettingError{"piece_order", "must be \"rarest\" or \"sequential\""};
    if (!one_of(s.allocation, {"sparse", "by-file", "full"}))
        return SettingError{"allocation", "must be \"sparse\", \"by-file\" or \"full\""};
    if (!one_of(s.encryption, {"off", "prefer", "require"}))
        return SettingError{"encryption", "must be \"off\", \"prefer\" or \"require\""};
    for (const auto& text : s.address_filter)
        if (!Network::parse(text))
            return SettingError{"address_filter", "\"" + text + "\" is no network such as 10.0.0.0/8"};
    for (const auto& text : s.listen)
        if (!IpAddress::parse(text)) return SettingError{"listen", "\"" + text + "\" is no IP address"};
    if (s.user_agent.empty() || s.user_agent.size() > 64) return SettingError{"user_agent", "must have 1 to 64 bytes"};
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (std::any_of(s.user_agent.begin(), s.user_agent.end(), is_control))
        return SettingError{"user_agent", "must have no control characters: no tracker could be asked with them"};
    return std::nullopt;
}

std::optional<SettingError> check_absent(const Settings& s) {
    constexpr const char* text = "is not there yet: leave it off";
    if (s.dht) return SettingError{"dht", text};
    if (!s.dht_bootstrap.empty()) return SettingError{"dht_bootstrap", "is not there yet: leave it empty"};
    if (s.pex) return SettingError{"pex", text};
    if (s.lsd) return SettingError{"lsd", text};
    if (s.port_mapping) return SettingError{"port_mapping", text};
    if (s.encryption != "off") return SettingError{"encryption", text};
    if (s.proxy) return SettingError{"proxy", "is not there yet: leave it None"};
    return std::nullopt;
}

}  // namespace

std::optional<SettingError> check(const Settings& s) {
#define JST_SETTING(name, kind, standard, least, reason) \
    if (auto problem = judge(s.name, least)) return SettingError{#name, *problem};
#include "engine/settings.def"
#undef JST_SETTING
    if (s.endgame_fraction && *s.endgame_fraction > 1) return SettingError{"endgame_fraction", "must be at most 1"};
    if (auto wrong = check_words(s)) return wrong;
    return check_absent(s);
}

}  // namespace jst::engine
