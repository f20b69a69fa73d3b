#include <algorithm>
#include <bit>
#include <cstring>

#include "base/prng.hpp"
#include "bind/lab_truth.hpp"
#include "bind/py.hpp"

namespace jst::bind {
namespace {

constexpr std::uint64_t word_size = 8;
constexpr std::uint64_t most_at_once = 1ull << 30;

// SplitMix64 at position n.
std::uint64_t word_at(std::uint64_t key, std::uint64_t n) noexcept {
    std::uint64_t x = key + (n + 1) * 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// Bytes of word n, lowest first, whatever this machine's own order is.
void put(char* out, std::uint64_t key, std::uint64_t n, std::uint64_t from, std::uint64_t to) noexcept {
    const std::uint64_t word = word_at(key, n);
    for (std::uint64_t i = from; i < to; ++i) *out++ = static_cast<char>(word >> (8 * i));
}

// The same for whole words, of which nearly all is made.
char* put_words(char* out, std::uint64_t key, std::uint64_t first, std::uint64_t end) noexcept {
    for (std::uint64_t n = first; n < end; ++n, out += word_size) {
        std::uint64_t word = word_at(key, n);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        std::memcpy(out, &word, word_size);
    }
    return out;
}

py::bytes truth(std::uint64_t key, std::uint64_t offset, std::uint64_t length) {
    if (length > most_at_once) throw py::value_error("at most 1 GiB at once");
    PyObject* const made = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(length));
    if (made == nullptr) throw py::error_already_set();
    put_truth(PyBytes_AS_STRING(made), key, offset, length);
    return py::reinterpret_steal<py::bytes>(made);
}

}  // namespace

void put_truth(char* out, std::uint64_t key, std::uint64_t offset, std::uint64_t length) noexcept {
    const std::uint64_t end = offset + length;
    for (std::uint64_t at = offset; at < end;) {
        const std::uint64_t n = at / word_size;
        const std::uint64_t from = at % word_size;
        if (const std::uint64_t whole = end / word_size; from == 0 && n < whole) {
            out = put_words(out, key, n, whole);
            at = whole * word_size;
            continue;
        }
        const std::uint64_t to = std::min(word_size, end - n * word_size);
        put(out, key, n, from, to);
        out += to - from;
        at += to - from;
    }
}

void bind_lab_truth(py::module_& module) {
    using namespace py::literals;
    auto lab = module.def_submodule("lab");
    lab.def("truth", &truth, "key"_a, "offset"_a, "length"_a);
    lab.def(
        "truth_key", [](std::uint64_t seed, const std::string& name) { return mix(seed, name_hash(name)); }, "seed"_a,
        "name"_a);
}

}  // namespace jst::bind
