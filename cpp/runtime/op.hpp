// An operation: something the engine asks of the world and hears of later. The contract of every runtime is here.
//
// 1. The caller owns the object and keeps it in place until its completion; no allocation and no std::function each.
// 2. on_done is never called inline, exactly once for each submitted operation, also after cancel() and close().
//    The one exception is an abandoned runtime: then no completion comes and no buffer is touched any more.
// 3. Buffers of writes, disk and hash operations stay valid and untouched until completion.
// 4. `error` is the project's own enum, the same in every runtime.
// 5. One completion is one turn. Time is an argument of the turn.
// 6. The tag is for the probe and for saying which torrent a broken rule concerns; runtimes decide nothing by it.
#pragma once

#include <cstdint>

#include "base/errc.hpp"
#include "base/time.hpp"

namespace jst::runtime {

inline constexpr std::uint32_t no_index = 0xFFFFFFFF;

/// What an operation begins, where its kind alone does not say so.
enum class Purpose : std::uint8_t { none, resume_save, announce };

/// For whom an operation is made. `torrent` and `peer` are the engine's running numbers.
struct Tag {
    std::uint32_t torrent = no_index;
    std::uint32_t piece = no_index;
    std::uint32_t begin = no_index;
    std::uint32_t peer = no_index;
    Purpose purpose = Purpose::none;
};

struct Op {
    using Handler = void (*)(Op& op, Time now);

    Handler on_done = nullptr;
    void* owner = nullptr;  // the caller's, not looked at
    std::uint64_t key = 0;  // the caller's, not looked at
    Tag tag;
    Errc error = Errc::ok;
    bool pending = false;  // kept by the runtime: submitted and not completed

    Op() = default;
    Op(const Op&) = delete;
    Op& operator=(const Op&) = delete;
    ~Op() = default;

    Op* next = nullptr;       // the runtime's own while pending
    void* runtime = nullptr;  // the runtime's own while pending
    std::uint64_t extra = 0;  // the runtime's own while pending
    void* watch = nullptr;    // a laboratory's own while pending
};

}  // namespace jst::runtime
