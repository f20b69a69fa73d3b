#include "storage/file_wishes.hpp"

#include <algorithm>

#include "storage/file_map.hpp"
#include "storage/unicode.hpp"

namespace jst::storage {
namespace {

std::u32string decoded(std::string_view text) {
    std::u32string out;
    for (std::size_t at = 0; at < text.size();) out.push_back(next_code_point(text, at).value_or(U'\uFFFD'));
    return out;
}

/// One part of a pattern that matches exactly one character.
struct Single {
    bool matches = false;
    std::size_t length = 1;
};

// At a '[': a set, or a plain bracket when it never ends.
Single match_set(std::u32string_view pattern, char32_t c) {
    std::size_t at = 1;
    const bool negated = at < pattern.size() && pattern[at] == U'!';
    if (negated) ++at;
    std::size_t end = at < pattern.size() && pattern[at] == U']' ? at + 1 : at;
    while (end < pattern.size() && pattern[end] != U']') ++end;
    if (end >= pattern.size()) return {c == U'[', 1};
    bool found = false;
    while (at < end) {
        if (at + 2 < end && pattern[at + 1] == U'-') {
            found = found || (pattern[at] <= c && c <= pattern[at + 2]);
            at += 3;
        } else {
            found = found || pattern[at] == c;
            ++at;
        }
    }
    return {found != negated, end + 1};
}

Single match_one(std::u32string_view pattern, char32_t c) {
    if (pattern[0] == U'?') return {true, 1};
    if (pattern[0] == U'[') return match_set(pattern, c);
    return {pattern[0] == c, 1};
}

// On a mismatch the last star takes one character more: no other star needs to be tried again.
bool matches(std::u32string_view pattern, std::u32string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::optional<std::size_t> star;  // behind the last star
    std::size_t taken = 0;            // where what it does not take begins
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == U'*') {
            star = ++p;
            taken = n;
            continue;
        }
        const Single one = p < pattern.size() ? match_one(pattern.substr(p), name[n]) : Single{};
        if (one.matches) {
            p += one.length;
            ++n;
        } else if (star) {
            p = *star;
            n = ++taken;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == U'*') ++p;
    return p == pattern.size();
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) { return matches(decoded(pattern), decoded(name)); }

std::vector<std::uint8_t> wished_priorities(const std::vector<std::string>& paths,
                                            std::span<const codec::FileRange> select_only,
                                            std::span<const FileWish> wishes) {
    std::vector<std::uint8_t> out(paths.size(), select_only.empty() ? default_priority : std::uint8_t{0});
    for (const auto& range : select_only)
        for (std::size_t i = range.first; i <= range.last && i < out.size(); ++i) out[i] = default_priority;
    for (const FileWish& wish : wishes) {
        const auto priority = std::min(wish.priority, max_priority);
        if (wish.file) {
            if (*wish.file < out.size()) out[*wish.file] = priority;
            continue;
        }
        const std::u32string pattern = decoded(wish.glob);
        for (std::size_t i = 0; i < paths.size(); ++i) {
            const std::string_view path = paths[i];
            const auto first = path.find('/');
            const auto last = path.rfind('/');
            const bool wanted =
                matches(pattern, decoded(path)) ||
                (first != std::string_view::npos && (matches(pattern, decoded(path.substr(first + 1))) ||
                                                     matches(pattern, decoded(path.substr(last + 1)))));
            if (wanted) out[i] = priority;
        }
    }
    return out;
}

}  // namespace jst::storage
