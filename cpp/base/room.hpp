// Room for one more in a list, so that the push_back() that follows throws nothing: what may throw comes first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace jst {

template <class T>
void make_room_for_one(std::vector<T>& list) {
    constexpr std::size_t first_capacity = 8;
    if (list.size() == list.capacity()) list.reserve(std::max(first_capacity, 2 * list.size()));
}

}  // namespace jst
