// The only header that includes pybind11, and what every bind_<subject>.cpp shares.
//
// Each subject has one function bind_<subject>(module); module.cpp calls them all and does nothing else.
#pragma once

#include <cxxabi.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <string>
#include <type_traits>

#include "base/bytes.hpp"

namespace jst::bind {

namespace py = pybind11;

/// Lives without the GIL. A thread that the interpreter's end ends when it wants the GIL back stops here for good:
/// unwound through a destructor, it would end the process.
class WithoutGil {
  public:
    WithoutGil() : state_(PyEval_SaveThread()) {}
    WithoutGil(const WithoutGil&) = delete;
    WithoutGil& operator=(const WithoutGil&) = delete;
    ~WithoutGil() {
        try {
            PyEval_RestoreThread(state_);
        } catch (const abi::__forced_unwind&) {
            for (;;) pause();
        }
    }

  private:
    PyThreadState* state_;
};

/// The bytes of a Python bytes object, valid while the object lives.
inline Bytes view_of(const py::bytes& bytes) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw py::error_already_set();
    return {reinterpret_cast<const Byte*>(data), static_cast<std::size_t>(size)};
}
inline py::bytes to_python(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// jstorrent's exception for an error of the engine, not raised. `where` is a path, an address or a key, by kind.
py::object make_exception(const Error& error, const std::string& where = {});
/// Raises jstorrent's exception for an error of the engine. `where` is a path, an address or a key, by kind.
[[noreturn]] void raise(const Error& error, const std::string& where = {});

template <class T>
T value_or_raise(Result<T> result, const std::string& where = {}) {
    if (!result) raise(result.error(), where);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void bind_errors(py::module_& module);

}  // namespace jst::bind
