// bencode: what the strict reader accepts is written back as the same bytes; the lenient reader accepts all of that
// too.
#include "codec/bencode.hpp"

#include <cstdlib>

namespace {

using namespace jst;
using namespace jst::codec;

void write(BencodeWriter& out, BencodeNode node) {
    switch (node.type()) {
        case BencodeType::integer:
            out.integer(*node.integer());
            return;
        case BencodeType::string:
            out.string(*node.string());
            return;
        case BencodeType::list:
            out.begin_list();
            for (const BencodeNode item : node) write(out, item);
            out.end();
            return;
        case BencodeType::dict:
            out.begin_dict();
            for (auto item = node.begin(); item != node.end(); ++item) {
                out.key(*(*item).string());
                write(out, *++item);
            }
            out.end();
            return;
    }
}

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input{data, size};
    const auto lenient = BencodeDocument::parse(input, BencodeMode::lenient);
    const auto strict = BencodeDocument::parse(input, BencodeMode::strict);
    if (!strict) return 0;
    require(lenient.has_value());
    require(strict->size() == size);
    ByteVector again;
    BencodeWriter writer(again);
    write(writer, strict->root());
    require(Bytes(again).size() == size && std::equal(again.begin(), again.end(), data));
    return 0;
}
