// Values that are looked up by generational keys: a key of something that is gone finds nothing, never something else.
//
// Invariants: 1. a key is never reused (32-bit generation per slot; a slot is retired when it would wrap);
// 2. iteration is in slot order, the same in every run; 3. values do not move while they live.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace jst {

template <class Tag>
struct Key {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;  // 0: no key

    constexpr explicit operator bool() const noexcept { return generation != 0; }
    constexpr std::uint64_t packed() const noexcept { return std::uint64_t{generation} << 32 | slot; }
    static constexpr Key unpack(std::uint64_t packed) noexcept {
        return {static_cast<std::uint32_t>(packed), static_cast<std::uint32_t>(packed >> 32)};
    }
    friend constexpr auto operator<=>(Key, Key) noexcept = default;
};

using TorrentKey = Key<struct TorrentKeyTag>;
using PeerKey = Key<struct PeerKeyTag>;

template <class T, class K>
class SlotMap {
  public:
    template <class... Args>
    K emplace(Args&&... args) {
        std::uint32_t slot;
        if (free_.empty()) {
            if (free_.capacity() <= slots_.size())
                free_.reserve(2 * slots_.size() + 8);  // so that erase() throws nothing
            slot = static_cast<std::uint32_t>(slots_.size());
            slots_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        slots_[slot].value.emplace(std::forward<Args>(args)...);
        ++size_;
        return {slot, slots_[slot].generation};
    }
    T* find(K key) noexcept {
        if (key.slot >= slots_.size()) return nullptr;
        auto& s = slots_[key.slot];
        return s.generation == key.generation && s.value ? &*s.value : nullptr;
    }
    const T* find(K key) const noexcept { return const_cast<SlotMap*>(this)->find(key); }
    bool erase(K key) {
        if (!find(key)) return false;
        auto& s = slots_[key.slot];
        s.value.reset();
        --size_;
        if (++s.generation != 0) free_.push_back(key.slot);
        return true;
    }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// Calls visit(key, value) in slot order. The visitor may erase the visited value, and no other.
    template <class Visit>
    void each(Visit&& visit) {
        for (std::uint32_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].value) visit(K{i, slots_[i].generation}, *slots_[i].value);
    }
    template <class Visit>
    void each(Visit&& visit) const {
        for (std::uint32_t i = 0; i < slots_.size(); ++i)
            if (slots_[i].value) visit(K{i, slots_[i].generation}, static_cast<const T&>(*slots_[i].value));
    }

  private:
    struct Slot {
        std::uint32_t generation = 1;
        std::optional<T> value;
    };
    std::deque<Slot> slots_;
    std::vector<std::uint32_t> free_;
    std::size_t size_ = 0;
};

}  // namespace jst
