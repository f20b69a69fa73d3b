#include "base/errc.hpp"

#include <array>

namespace jst {
namespace {

struct Row {
    std::string_view word;
    ErrorKind kind;
    std::string_view text;
};

constexpr Row rows[] = {
#define JST_ERRC(name, kind, text) {#name, ErrorKind::kind, text},
#include "base/errc.def"
#undef JST_ERRC
};

const Row& row(Errc code) noexcept {
    const auto at = static_cast<std::size_t>(code);
    return rows[at < std::size(rows) ? at : static_cast<std::size_t>(Errc::internal)];
}

}  // namespace

std::string_view word(Errc code) noexcept { return row(code).word; }
std::string_view describe(Errc code) noexcept { return row(code).text; }
ErrorKind kind_of(Errc code) noexcept { return row(code).kind; }

Errc errc_of(std::string_view wanted) noexcept {
    for (std::size_t i = 0; i < std::size(rows); ++i)
        if (rows[i].word == wanted) return static_cast<Errc>(i);
    return Errc::ok;
}

}  // namespace jst
