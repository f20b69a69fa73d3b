// The bytes of any contiguous Python buffer, held for as long as this lives (also while the GIL is released).
#pragma once

#include "bind/py.hpp"

namespace jst::bind {

class BufferView {
  public:
    explicit BufferView(const py::object& object) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    }
    BufferView(const BufferView&) = delete;
    BufferView& operator=(const BufferView&) = delete;
    ~BufferView() { PyBuffer_Release(&view_); }

    Bytes bytes() const noexcept { return {static_cast<const Byte*>(view_.buf), static_cast<std::size_t>(view_.len)}; }

  private:
    Py_buffer view_{};
};

}  // namespace jst::bind
