// A value or an Error: how every room reports what it cannot do. Nothing below `bind` throws for bad input.
//
// `Error.detail` is the offset in the input for parse errors and 0 elsewhere.
// JST_TRY(name, expression) binds the value or returns the error from the enclosing function.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <utility>

#include "base/errc.hpp"

namespace jst {

struct Error {
    Errc code = Errc::ok;
    std::uint64_t detail = 0;

    friend bool operator==(const Error&, const Error&) = default;
};

/// Called by boost::system::result::value() on an error: reading a value that is not there is our own bug.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

inline Error fail(Errc code, std::uint64_t detail = 0) noexcept { return Error{code, detail}; }

}  // namespace jst

#define JST_TRY(name, ...)                                       \
    auto name##_result = (__VA_ARGS__);                          \
    if (!name##_result) return std::move(name##_result).error(); \
    auto name = std::move(*name##_result)

#define JST_TRY_VOID(...)                                                            \
    do {                                                                             \
        if (auto try_result = (__VA_ARGS__); !try_result) return try_result.error(); \
    } while (false)
