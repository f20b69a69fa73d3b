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

}  // namespace

std::string repair_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Step s = step(text, at);
        out.append(s.valid ? text.substr(at, s.size) : std::string_view("\xEF\xBF\xBD"));
        at += s.size;
    }
    return out;
}

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const Step s = step(text, at);
        if (!s.valid) return false;
        at += s.size;
    }
    return true;
}

}  // namespace jst::codec
