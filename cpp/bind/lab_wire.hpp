// How the laboratory writes down a wire message: ("have", 5), ("request", piece, begin, length), ("extended", 0,
// b"de").
//
// For tests only; shared by the doors of the wire room.
#pragma once

#include "bind/py.hpp"
#include "wire/message.hpp"

namespace jst::bind {

py::tuple message_to_tuple(const wire::Message& message);
/// Views point into the tuple's bytes objects.
wire::Message message_from_tuple(const py::tuple& tuple);

}  // namespace jst::bind
