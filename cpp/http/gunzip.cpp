#include "http/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace jst::http {

struct Gunzip::State {
    z_stream stream{};
    bool ready = false;
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    state_->ready = ::inflateInit2(&state_->stream, gzip_only) == Z_OK;
}

Gunzip::~Gunzip() {
    if (state_->ready) ::inflateEnd(&state_->stream);
}

Result<void> Gunzip::feed(Bytes in, ByteVector& out, std::size_t max_size) {
    if (!state_->ready) return fail(Errc::out_of_memory);
    auto& stream = state_->stream;
    stream.next_in = const_cast<Byte*>(in.data());
    stream.avail_in = static_cast<uInt>(in.size());
    std::array<Byte, 16384> room;
    while (!complete_) {
        stream.next_out = room.data();
        stream.avail_out = static_cast<uInt>(room.size());
        const int status = ::inflate(&stream, Z_NO_FLUSH);
        const std::size_t made = room.size() - stream.avail_out;
        if (made > max_size - std::min(max_size, out.size())) return fail(Errc::too_large);
        out.insert(out.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(made));
        if (status == Z_STREAM_END)
            complete_ = true;
        else if (status == Z_BUF_ERROR)
            break;  // all of it is taken
        else if (status != Z_OK)
            return fail(status == Z_MEM_ERROR ? Errc::out_of_memory : Errc::bad_value);
    }
    return {};
}

}  // namespace jst::http
