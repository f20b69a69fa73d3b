// Any bytes as an HTTP response, whole and in slices: the same response, the same error, never more than the limits.
#include <algorithm>
#include <cstdlib>

#include "http/response.hpp"

using namespace jst;

namespace {

struct Story {
    unsigned status = 0;
    bool done = false;
    Errc error = Errc::ok;
    ByteVector body;
    friend bool operator==(const Story&, const Story&) = default;
};

constexpr http::ResponseLimits limits{512, 4096};

Story tell(Bytes input, std::size_t cut) {
    http::ResponseReader reader(limits);
    Story story;
    while (!input.empty() && story.error == Errc::ok) {
        const std::size_t n = std::min(cut, input.size());
        if (const auto got = reader.receive(input.first(n)); !got) story.error = got.error().code;
        input = input.subspan(n);
    }
    if (story.error == Errc::ok)
        if (const auto got = reader.end(); !got) story.error = got.error().code;
    story.status = reader.response().status;
    story.done = reader.is_done();
    if (reader.response().body.size() > limits.max_body) std::abort();
    if (story.done) story.body = reader.response().body;
    return story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes input{data + 1, size - 1};
    if (!(tell(input, size) == tell(input, std::size_t{1} + data[0]))) std::abort();
    return 0;
}
