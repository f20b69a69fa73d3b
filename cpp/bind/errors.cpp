#include "bind/py.hpp"

namespace jst::bind {

// The exception classes are Python's (jstorrent/_errors.py); they are looked up at the moment of need, once.
py::object make_exception(const Error& error, const std::string& where) {
    const auto factory = py::module_::import("jstorrent._errors").attr("_make");
    return factory(std::string(word(error.code)), static_cast<int>(kind_of(error.code)),
                   std::string(describe(error.code)), error.detail, where);
}

void raise(const Error& error, const std::string& where) {
    const auto exception = make_exception(error, where);
    PyErr_SetObject(py::type::of(exception).ptr(), exception.ptr());
    throw py::error_already_set();
}

void bind_errors(py::module_& module) {
    py::dict codes;
#define JST_ERRC(name, kind, text) codes[#name] = py::make_tuple(static_cast<int>(ErrorKind::kind), text);
#include "base/errc.def"
#undef JST_ERRC
    module.attr("error_codes") = codes;
}

}  // namespace jst::bind
