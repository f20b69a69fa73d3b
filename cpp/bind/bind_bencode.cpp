#include <algorithm>
#include <utility>
#include <vector>

#include "bind/bencode_python.hpp"
#include "bind/buffer_view.hpp"

namespace jst::bind {
namespace {

using codec::BencodeNode;
using codec::BencodeWriter;

// Depth is bounded on both ways by the reader's limit, so recursion is.
constexpr std::uint32_t max_depth = codec::BencodeLimits{}.max_depth;

void write(BencodeWriter& out, py::handle value, std::uint32_t depth);

void write_integer(BencodeWriter& out, py::handle value) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow != 0) raise(fail(Errc::integer_overflow));
    if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    out.integer(number);
}

std::string text_of(py::handle value) {
    if (PyUnicode_Check(value.ptr())) {
        Py_ssize_t size = 0;
        const char* const text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
        if (text != nullptr) return {text, static_cast<std::size_t>(size)};
        PyErr_Clear();
        throw py::value_error("bencode: a str that can not be written as UTF-8");
    }
    const BufferView view(py::reinterpret_borrow<py::object>(value));
    return std::string(as_text(view.bytes()));
}

bool is_text(py::handle value) {
    return PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()) || PyByteArray_Check(value.ptr()) ||
           PyMemoryView_Check(value.ptr());
}

void write_dict(BencodeWriter& out, py::handle value, std::uint32_t depth) {
    std::vector<std::pair<std::string, py::object>> items;
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value)) {
        if (!is_text(key)) throw py::type_error("bencode: dictionary keys are bytes or str");
        items.emplace_back(text_of(key), py::reinterpret_borrow<py::object>(item));
    }
    std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < items.size(); ++i)
        if (items[i].first == items[i - 1].first) raise(fail(Errc::duplicate_key));
    out.begin_dict();
    for (const auto& [key, item] : items) write(out.key(key), item, depth + 1);
    out.end();
}

void write(BencodeWriter& out, py::handle value, std::uint32_t depth) {
    const bool sequence = PyList_Check(value.ptr()) || PyTuple_Check(value.ptr());
    const bool dict = PyDict_Check(value.ptr());
    if ((sequence || dict) && depth >= max_depth) raise(fail(Errc::too_deep));
    if (PyLong_Check(value.ptr())) return write_integer(out, value);
    if (is_text(value)) {
        out.string(text_of(value));
        return;
    }
    if (dict) return write_dict(out, value, depth);
    if (!sequence) {
        const auto name = py::str(py::type::handle_of(value).attr("__name__")).cast<std::string>();
        throw py::type_error("bencode: int, bytes, str, list and dict only, not " + name);
    }
    out.begin_list();
    for (const py::handle item : py::reinterpret_borrow<py::sequence>(value)) write(out, item, depth + 1);
    out.end();
}

}  // namespace

py::object to_python(BencodeNode node) {
    if (node.is_integer()) return py::int_(*node.integer());
    if (node.is_string()) return to_python(*node.string());
    if (node.is_list()) {
        py::list list;
        for (const BencodeNode item : node) list.append(to_python(item));
        return list;
    }
    py::dict dict;
    for (auto at = node.begin(); at != node.end(); ++at) {
        const py::object key = to_python(*(*at).string());
        ++at;
        if (!dict.contains(key)) dict[key] = to_python(*at);  // lenient input may repeat keys: the first one counts
    }
    return dict;
}

ByteVector from_python(const py::object& value) {
    ByteVector bytes;
    BencodeWriter out(bytes);
    write(out, value, 0);
    return bytes;
}

void bind_bencode(py::module_& module) {
    module.def(
        "bencode", [](const py::object& value) { return to_python(Bytes(from_python(value))); }, py::arg("value"),
        "Canonical bencoding of int, bytes, str (as UTF-8), list, tuple and dict.");
    module.def(
        "bdecode",
        [](const py::object& data) {
            const BufferView view(data);
            const auto document =
                value_or_raise(codec::BencodeDocument::parse(view.bytes(), codec::BencodeMode::strict));
            return to_python(document.root());
        },
        py::arg("data"), "The value of canonical bencoding. Keys and strings are bytes; ParseError for anything else.");
}

}  // namespace jst::bind
