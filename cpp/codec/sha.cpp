#include "codec/sha.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "codec/sha_lanes.hpp"

namespace jst::codec {
namespace {

// Fetched once and never freed: OpenSSL's own exit handler may run before ours would.
template <std::size_t N>
const EVP_MD* algorithm() {
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, N == 20 ? "SHA1" : "SHA256", nullptr);
    JST_CHECK(fetched != nullptr, "OpenSSL offers SHA-1 and SHA-256");
    return fetched;
}

EVP_MD_CTX* as_context(void* context) noexcept { return static_cast<EVP_MD_CTX*>(context); }

void must(int answer) { JST_CHECK(answer == 1, "OpenSSL hashes"); }

// One context per thread and algorithm: worker threads hash too, and making a context costs more than a Merkle node.
template <std::size_t N>
HashState<N>& scratch() {
    thread_local HashState<N> state;
    return state;
}

template <std::size_t N>
const LaneKernels& kernels() {
    return N == 20 ? LaneKernels::of_machine_sha1() : LaneKernels::of_machine_sha256();
}

// One message alone is as quick through OpenSSL.
template <std::size_t N>
void many(std::span<const Message> messages, std::span<Digest<N>> out) {
    JST_CHECK(messages.size() == out.size(), "one digest for each message");
    if (messages.size() > 1 && kernels<N>().any()) return hash_in_lanes(kernels<N>(), messages, out);
    auto& state = scratch<N>();
    for (std::size_t i = 0; i < messages.size(); ++i) {
        for (const Bytes part : messages[i]) state.update(part);
        out[i] = state.finish();
    }
}

template <std::size_t N>
void many(std::span<const Bytes> messages, std::span<Digest<N>> out) {
    JST_CHECK(messages.size() == out.size(), "one digest for each message");
    // In groups, so that the views need no memory of their own.
    constexpr std::size_t group = 64;
    std::array<Message, group> views;
    for (std::size_t at = 0; at < messages.size(); at += group) {
        const auto n = std::min(group, messages.size() - at);
        for (std::size_t i = 0; i < n; ++i) views[i] = messages.subspan(at + i, 1);
        many<N>(std::span<const Message>(views).first(n), out.subspan(at, n));
    }
}

}  // namespace

template <std::size_t N>
void HashState<N>::Free::operator()(void* context) const noexcept {
    EVP_MD_CTX_free(as_context(context));
}

template <std::size_t N>
HashState<N>::HashState() : context_(EVP_MD_CTX_new()) {
    JST_CHECK(context_ != nullptr, "OpenSSL makes a context");
    must(EVP_DigestInit_ex2(as_context(context_.get()), algorithm<N>(), nullptr));
}

template <std::size_t N>
HashState<N>::HashState(const HashState& other) : context_(EVP_MD_CTX_new()) {
    JST_CHECK(context_ != nullptr, "OpenSSL makes a context");
    must(EVP_MD_CTX_copy_ex(as_context(context_.get()), as_context(other.context_.get())));
}

template <std::size_t N>
HashState<N>& HashState<N>::operator=(const HashState& other) {
    if (this != &other) *this = HashState(other);
    return *this;
}

template <std::size_t N>
void HashState<N>::update(Bytes more) {
    must(EVP_DigestUpdate(as_context(context_.get()), more.data(), more.size()));
}

template <std::size_t N>
Digest<N> HashState<N>::finish() {
    Digest<N> digest;
    must(EVP_DigestFinal_ex(as_context(context_.get()), digest.bytes.data(), nullptr));
    must(EVP_DigestInit_ex2(as_context(context_.get()), nullptr, nullptr));
    return digest;
}

template class HashState<20>;
template class HashState<32>;

Sha1Digest sha1(Bytes message) {
    auto& state = scratch<20>();
    state.update(message);
    return state.finish();
}

Sha256Digest sha256(Bytes message) {
    auto& state = scratch<32>();
    state.update(message);
    return state.finish();
}

void sha1_many(std::span<const Bytes> messages, std::span<Sha1Digest> out) { many<20>(messages, out); }
void sha1_many(std::span<const Message> messages, std::span<Sha1Digest> out) { many<20>(messages, out); }
void sha256_many(std::span<const Bytes> messages, std::span<Sha256Digest> out) { many<32>(messages, out); }
void sha256_many(std::span<const Message> messages, std::span<Sha256Digest> out) { many<32>(messages, out); }

}  // namespace jst::codec
