// A Metainfo as Python holds it: shared with the engine and never changed, so no copy is made on the way in or out.
#pragma once

#include <memory>

#include "bind/py.hpp"
#include "codec/metainfo.hpp"

namespace jst::bind {

/// `_core.Metainfo`. The public class jstorrent.Metainfo wraps one (its attribute `_core`).
struct MetainfoHandle {
    std::shared_ptr<const codec::Metainfo> metainfo;

    const codec::Metainfo& operator*() const noexcept { return *metainfo; }
    const codec::Metainfo* operator->() const noexcept { return metainfo.get(); }
};

template <std::size_t N>
py::object digest_or_none(const std::optional<Digest<N>>& digest) {
    if (!digest) return py::none();
    return to_python(digest->view());
}

}  // namespace jst::bind
