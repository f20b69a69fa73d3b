// Bencode to Python values and back: int, bytes, list, dict with bytes keys.
#pragma once

#include "bind/py.hpp"
#include "codec/bencode.hpp"

namespace jst::bind {

py::object to_python(codec::BencodeNode node);
/// Also takes str (as UTF-8), bool, tuple, bytearray and memoryview. TypeError for anything else.
ByteVector from_python(const py::object& value);

}  // namespace jst::bind
