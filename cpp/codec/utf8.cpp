#include "codec/utf8.hpp"

#include <cstdint>

namespace jst::codec {
namespace {

struct Step {
    std::size_t size = 1;
    bool valid = false;
};

// Unicode table 3-7: the range of the second byte says what is overlong, a surrogate or beyond U+10FFFF.
Step step(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) -> std::uint8_t {
        return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : std::uint8_t{0};
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return {1, true};
    if (first < 0xC2 || first > 0xF4) return {};
    const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const std::uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(1) < low || byte(1) > high) return {};
    for (std::size_t i = 2; i < size; ++i)
        if ((byte(i) & 0xC0) != 0x80) return {i, false};
    return {size, true};
}

// Of one whole character.
bool is_showable(std::string_view c) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(c[i]); };
    if (c.size() == 1) return byte(0) >= 0x20 && byte(0) != 0x7F;
    if (c.size() == 2) return !(byte(0) == 0xC2 && byte(1) < 0xA0) && c != "\u061C";
    const bool turns =
        (c >= "\u200E" && c <= "\u200F") || (c >= "\u2028" && c <= "\u202E") || (c >= "\u2066" && c <= "\u2069");
    return c.size() != 3 || !turns;
}

template <class Keep>
std::string repaired(std::string_view text, Keep&& keep) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Step s = step(text, at);
        const auto character = text.substr(at, s.size);
        out.append(!s.valid ? std::string_view("\uFFFD") : keep(character) ? character : std::string_view(" "));
        at += s.size;
    }
    return out;
}

}  // namespace

std::string repair_utf8(std::string_view text) {
    return repaired(text, [](std::string_view) { return true; });
}

std::string showable_utf8(std::string_view text) { return repaired(text, is_showable); }

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const Step s = step(text, at);
        if (!s.valid) return false;
        at += s.size;
    }
    return true;
}

}  // namespace jst::codec
