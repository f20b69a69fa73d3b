// An operation of LabHost with the buffers it needs, and how its completion is told to Python.
#pragma once

#include "base/prng.hpp"
#include "bind/lab_runtime.hpp"

namespace jst::bind {

/// Marks that a turn runs.
class InTurn {
  public:
    explicit InTurn(bool& flag) : flag_(flag), before_(flag) { flag_ = true; }
    ~InTurn() { flag_ = before_; }

  private:
    bool& flag_;
    bool before_;
};

struct LabHost::Pending {
    LabHost* host = nullptr;
    std::uint64_t id = 0;
    const char* kind = "";
    py::object then = py::none();
    std::vector<ByteVector> blocks;
    std::vector<Bytes> from;
    std::vector<MutableBytes> into;
    std::vector<Sha1Digest> sha1;
    runtime::Lent lent;
    std::uint64_t sum = 0;  // of what the runtime may only read

    virtual ~Pending() = default;
    virtual void fill(LabEvent& event) = 0;

    void give(const std::vector<py::bytes>& spans) {
        for (const auto& span : spans) blocks.push_back(to_vector(view_of(span)));
        for (const auto& block : blocks) from.emplace_back(block);
        sum = checksum();
    }
    void make_room(const std::vector<std::size_t>& sizes) {
        for (const auto size : sizes) blocks.emplace_back(size);
        for (auto& block : blocks) into.emplace_back(block);
    }
    /// The first `size` bytes of the room.
    py::bytes taken(std::size_t size) const {
        std::string all;
        for (const auto& block : blocks) all.append(as_text(block));
        return all.substr(0, size);
    }
    std::uint64_t checksum() const {
        std::uint64_t value = 0;
        if (lent) return value;  // nobody but the kernel may look
        for (const auto& block : from) value = mix(value, name_hash(as_text(block)));
        return value;
    }
};

template <class OpType>
struct LabHost::Operation final : LabHost::Pending {
    OpType op;
    void fill(LabEvent& event) override;
};

template <class OpType>
LabHost::Operation<OpType>& LabHost::make(const char* kind, py::object then) {
    auto made = std::make_unique<Operation<OpType>>();
    made->host = this;
    made->id = ++last_id_;
    made->kind = kind;
    made->then = std::move(then);
    made->op.on_done = &LabHost::on_done;
    made->op.owner = static_cast<Pending*>(made.get());
    made->op.key = made->id;
    auto& operation = *made;
    operations_.emplace(operation.id, std::move(made));
    return operation;
}

// As part of the turn that runs, or as a command.
template <class Submit>
void LabHost::submit(Submit&& what) {
    const auto act = [&] {
        const InTurn turn(in_turn_);
        ++submitting_;
        try {
            what();
        } catch (...) {
            --submitting_;
            throw;
        }
        --submitting_;
    };
    if (in_turn_)
        act();
    else
        world_->command(act);
}

}  // namespace jst::bind
