// What can go wrong, as one closed list for the whole engine.
//
// Both runtimes, every codec and every policy speak these codes, so that a failure means the same over sockets and in
// simulation. Each code has one stable word (errc.def), which Python users see as `Error.code`.
// Knows nothing of exceptions: only the binding turns a code into one (by its Kind).
#pragma once

#include <cstdint>
#include <string_view>

namespace jst {

enum class Errc : std::uint16_t {
#define JST_ERRC(name, kind, text) name,
#include "base/errc.def"
#undef JST_ERRC
};

/// Which family a code belongs to; the binding has one exception type per kind.
enum class ErrorKind : std::uint8_t { none, general, parse, disk, network, timeout, settings, removed };

/// The stable word: "truncated", "disk_full", ...
std::string_view word(Errc code) noexcept;
/// One sentence for people, without names or places.
std::string_view describe(Errc code) noexcept;
ErrorKind kind_of(Errc code) noexcept;
/// The code of a word, or Errc::ok when there is none (the laboratory names errors by word).
Errc errc_of(std::string_view word) noexcept;

}  // namespace jst
