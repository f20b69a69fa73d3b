// The laboratory's door to the kernels that hash several messages side by side.
#include <chrono>
#include <cstdint>

#include "base/check.hpp"
#include "bind/py.hpp"
#include "codec/sha.hpp"
#include "codec/sha_lanes.hpp"

namespace jst::bind {
namespace {

using codec::LaneKernels;
using codec::Lanes;

constexpr std::pair<const char*, Lanes> kernel_names[] = {{"x1", Lanes::ni_x1},
                                                          {"x2", Lanes::ni_x2},
                                                          {"x4", Lanes::ni_x4},
                                                          {"x8", Lanes::avx512_x8},
                                                          {"x16", Lanes::avx512_x16}};

const LaneKernels& of_machine(const std::string& algorithm) {
    if (algorithm == "sha1") return LaneKernels::of_machine_sha1();
    if (algorithm == "sha256") return LaneKernels::of_machine_sha256();
    throw py::value_error(algorithm);
}

LaneKernels kernels_named(const std::string& algorithm, const std::string& kernel) {
    for (const auto& [name, lanes] : kernel_names)
        if (kernel == name) return of_machine(algorithm).only(lanes);
    if (kernel == "all") return of_machine(algorithm);
    throw py::value_error(kernel);
}

std::vector<std::string> kernels_here(const std::string& algorithm) {
    const auto& here = of_machine(algorithm);
    std::vector<std::string> names;
    if (here.x1 != nullptr) names.emplace_back("x1");
    if (here.x2 != nullptr) names.emplace_back("x2");
    if (here.x4 != nullptr) names.emplace_back("x4");
    if (here.x8 != nullptr) names.emplace_back("x8");
    if (here.x16 != nullptr) names.emplace_back("x16");
    return names;
}

template <std::size_t N>
py::list hash(const LaneKernels& kernels, const std::vector<std::vector<std::string>>& messages) {
    std::vector<std::vector<Bytes>> parts;
    for (const auto& message : messages) {
        auto& views = parts.emplace_back();
        for (const auto& part : message) views.push_back(as_bytes(part));
    }
    const std::vector<codec::Message> views(parts.begin(), parts.end());
    std::vector<Digest<N>> digests(views.size());
    codec::hash_in_lanes(kernels, views, digests);
    py::list out;
    for (const auto& digest : digests) out.append(to_python(digest.view()));
    return out;
}

// Nanoseconds for one pass over `count` messages of `size` bytes, the best of `repeats`: in lanes, and one by one.
std::pair<std::int64_t, std::int64_t> race(std::size_t count, std::size_t size, int repeats) {
    using Clock = std::chrono::steady_clock;
    const ByteVector data(count * size, 0x5A);
    std::vector<Bytes> messages;
    for (std::size_t i = 0; i < count; ++i) messages.emplace_back(data.data() + i * size, size);
    std::vector<Sha1Digest> together(count);
    std::vector<Sha1Digest> apart(count);
    auto best = std::pair{INT64_MAX, INT64_MAX};
    for (int i = 0; i < repeats; ++i) {
        const auto start = Clock::now();
        codec::sha1_many(messages, together);
        const auto middle = Clock::now();
        for (std::size_t m = 0; m < count; ++m) apart[m] = codec::sha1(messages[m]);
        const auto end = Clock::now();
        best.first = std::min<std::int64_t>(best.first, (middle - start).count());
        best.second = std::min<std::int64_t>(best.second, (end - middle).count());
    }
    JST_CHECK(together == apart, "both ways give the same");
    return best;
}

}  // namespace

void bind_lab_hash_lanes(py::module_& module) {
    auto lab = module.def_submodule("lab").def_submodule("hash_lanes");
    lab.def("kernels", &kernels_here, py::arg("algorithm"));
    lab.def("hash", [](const std::string& algorithm, const std::string& kernel,
                       const std::vector<std::vector<std::string>>& messages) {
        const auto kernels = kernels_named(algorithm, kernel);
        return algorithm == "sha1" ? hash<20>(kernels, messages) : hash<32>(kernels, messages);
    });
    lab.def("race", &race, py::arg("count"), py::arg("size"), py::arg("repeats"));
}

}  // namespace jst::bind
