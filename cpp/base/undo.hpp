// What is taken back when a scope is left before it is whole: because memory ran out, most often.
//
// `Undo undo([&] { ... });` does that at the end of its scope unless keep() was called. The deed throws nothing.
#pragma once

#include <utility>

namespace jst {

template <class Deed>
class Undo {
  public:
    explicit Undo(Deed deed) noexcept : deed_(std::move(deed)) {}
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    ~Undo() {
        if (armed_) deed_();
    }
    void keep() noexcept { armed_ = false; }

  private:
    Deed deed_;
    bool armed_ = true;
};

}  // namespace jst
