// errno as the project's own codes, in one table, so that both worlds say the same.
#pragma once

#include "base/errc.hpp"

namespace jst::runtime_asio {

Errc net_error(int number) noexcept;
Errc disk_error(int number) noexcept;

}  // namespace jst::runtime_asio
