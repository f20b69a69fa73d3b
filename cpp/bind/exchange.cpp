#include "bind/exchange.hpp"

#include <unistd.h>

#include "bind/py.hpp"

namespace jst::bind {

Exchange::Exchange() : process_(::getpid()) {}

std::shared_ptr<Exchange> Exchange::make() {
    return {new Exchange, [](Exchange* exchange) {
                if (!exchange->is_forked()) delete exchange;
            }};
}

bool Exchange::is_forked() const noexcept { return ::getpid() != process_; }

void Exchange::check_process() const {
    if (is_forked()) raise(fail(Errc::forked));
}

void Signal::raise() {
    if (raised_) return;
    raised_ = true;
    if (gate_) gate_->say(token_);
    exchange_->changed().notify_all();
}

void Signal::attach(std::shared_ptr<LoopGate> gate, std::uint64_t token) {
    const auto lock = exchange_->lock();
    gate_ = std::move(gate);
    token_ = token;
    if (raised_) gate_->say(token_);
}

void Signal::detach() {
    const auto lock = exchange_->lock();
    gate_.reset();
}

}  // namespace jst::bind
