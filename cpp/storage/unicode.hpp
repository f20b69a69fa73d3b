// The little of Unicode that file names need: strict UTF-8, and a key under which names that some disk confuses are
// equal.
//
// The key is case folded, then canonically decomposed, without zero-width marks. Combining marks are not reordered and
// compatibility forms stay apart. Knows nothing of paths.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jst::storage {

/// The code point at `at`, which is moved behind it; nothing (and one byte further) where the bytes are not valid
/// UTF-8: overlong forms, surrogates and numbers past U+10FFFF are not.
std::optional<char32_t> next_code_point(std::string_view text, std::size_t& at) noexcept;

void append_utf8(std::string& out, char32_t code_point);

/// Appends the key of one code point.
void append_folded(std::string& out, char32_t code_point);

/// The longest prefix of at most `bytes` bytes that ends between code points. `text` is valid UTF-8.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes) noexcept;

}  // namespace jst::storage
