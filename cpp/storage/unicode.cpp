#include "storage/unicode.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace jst::storage {
namespace {

struct FoldRange {
    char32_t first;
    char32_t last;
    std::uint32_t stride;
    std::int32_t delta;
};
struct FoldSequence {
    char16_t from;
    char16_t to[4];
};

#include "storage/fold_table.inc"

constexpr char32_t hangul_first = 0xAC00;
constexpr char32_t hangul_count = 11172;

const FoldRange* range_of(char32_t c) noexcept {
    const auto* after = std::upper_bound(std::begin(fold_ranges), std::end(fold_ranges), c,
                                         [](char32_t value, const FoldRange& range) { return value < range.first; });
    // Ranges of stride two interleave (the odd of one with the even of the other), so look at two of them.
    for (int back = 0; back < 2 && after != std::begin(fold_ranges); ++back) {
        --after;
        if (c <= after->last && (c - after->first) % after->stride == 0) return after;
    }
    return nullptr;
}

void append_hangul(std::string& out, char32_t c) {
    const char32_t index = c - hangul_first;
    append_utf8(out, 0x1100 + index / 588);
    append_utf8(out, 0x1161 + index % 588 / 28);
    if (index % 28 != 0) append_utf8(out, 0x11A7 + index % 28);
}

bool ignored(char32_t c) noexcept { return (c >= 0x200B && c <= 0x200D) || c == 0x2060; }

}  // namespace

std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(at);
    if (lead < 0x80) {
        ++at;
        return lead;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - at < length) {
        ++at;
        return std::nullopt;
    }
    char32_t value = lead & (0x7Fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) {
            ++at;
            return std::nullopt;
        }
        value = value << 6 | (byte(at + i) & 0x3Fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        ++at;
        return std::nullopt;
    }
    at += length;
    return value;
}

void append_utf8(std::string& out, char32_t c) {
    const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            put(0xE0 | c >> 12);
        } else {
            put(0xF0 | c >> 18);
            put(0x80 | (c >> 12 & 0x3F));
        }
        put(0x80 | (c >> 6 & 0x3F));
    }
    put(0x80 | (c & 0x3F));
}

void append_folded(std::string& out, char32_t c) {
    if (c < 0x80) {
        out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
        return;
    }
    if (ignored(c)) return;
    if (c - hangul_first < hangul_count) return append_hangul(out, c);
    if (const FoldRange* range = range_of(c)) {
        return append_utf8(out, static_cast<char32_t>(static_cast<std::int32_t>(c) + range->delta));
    }
    const auto* sequence =
        std::lower_bound(std::begin(fold_sequences), std::end(fold_sequences), c,
                         [](const FoldSequence& entry, char32_t value) { return entry.from < value; });
    if (sequence == std::end(fold_sequences) || sequence->from != c) return append_utf8(out, c);
    for (const char16_t part : sequence->to) {
        if (part != 0) append_utf8(out, part);
    }
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes) noexcept {
    if (text.size() <= bytes) return text;
    std::size_t end = bytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
}

}  // namespace jst::storage
