// Rules of our own, checked in every build.
//
// JST_CHECK(condition, "what") throws BrokenRule; it is caught in one place, the turn boundary (runtime/host.hpp),
// which stops the torrent concerned and nothing else. Never in a destructor, never for input from outside: that is a
// Result. JST_ASSERT is for costly checks, in debug builds only.
#pragma once

#include <stdexcept>
#include <string>

namespace jst {

class BrokenRule : public std::logic_error {
  public:
    using std::logic_error::logic_error;
};

[[noreturn]] void broken_rule(const char* condition, const char* what, const char* file, int line);

}  // namespace jst

#define JST_CHECK(condition, what) \
    ((condition) ? static_cast<void>(0) : ::jst::broken_rule(#condition, what, __FILE__, __LINE__))

#ifdef NDEBUG
#define JST_ASSERT(condition, what) static_cast<void>(0)
#else
#define JST_ASSERT(condition, what) JST_CHECK(condition, what)
#endif
