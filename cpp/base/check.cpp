#include "base/check.hpp"

#include <string_view>

#include "base/result.hpp"

namespace jst {

void broken_rule(const char* condition, const char* what, const char* file, int line) {
    std::string_view name(file);
    if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
    throw BrokenRule(std::string(what) + " [" + std::string(name) + ":" + std::to_string(line) + ": " + condition +
                     "]");
}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
    throw BrokenRule("the value of a failed result was read: " + std::string(word(error.code)));
}

}  // namespace jst
