// A value that is nearly always as it was made: while it is, it takes a pointer, and only then room of its own.
//
// Copied and compared like the value itself. Invariant: 1. what is read of one that has no room of its own is T{}.
#pragma once

#include <memory>
#include <utility>

namespace jst {

template <class T>
class Rare {
  public:
    Rare() noexcept = default;
    Rare(T value) { *this = std::move(value); }
    Rare(const Rare& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
    Rare(Rare&&) noexcept = default;
    Rare& operator=(const Rare& other) { return *this = Rare(other); }
    Rare& operator=(Rare&&) noexcept = default;
    Rare& operator=(T value) {
        if (value == none())
            value_.reset();
        else
            value_ = std::make_unique<T>(std::move(value));
        return *this;
    }
    ~Rare() = default;

    const T& operator*() const noexcept { return value_ ? *value_ : none(); }
    const T* operator->() const noexcept { return &**this; }
    /// To be changed: it has room from now on.
    T& own() {
        if (!value_) value_ = std::make_unique<T>();
        return *value_;
    }
    void reset() noexcept { value_.reset(); }

    friend bool operator==(const Rare& a, const Rare& b) { return *a == *b; }

  private:
    static const T& none() noexcept {
        static const T value{};
        return value;
    }

    std::unique_ptr<T> value_;
};

}  // namespace jst
