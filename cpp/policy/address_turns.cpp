#include "policy/address_turns.hpp"

#include <algorithm>

namespace jst::policy {

std::vector<IpAddress> AddressTurns::order(const std::string& name, std::vector<IpAddress> allowed) const {
    const auto mark = marks_.find(name);
    if (mark != marks_.end()) {
        auto at = std::find(allowed.begin(), allowed.end(), mark->second.address);
        if (at != allowed.end() && !mark->second.answered) ++at;
        if (at != allowed.end()) std::rotate(allowed.begin(), at, allowed.end());
    }
    if (allowed.size() > most_asked) allowed.resize(most_asked);
    return allowed;
}

void AddressTurns::note(const std::string& name, const Mark& mark) {
    if (marks_.size() == max_names && !marks_.contains(name)) marks_.clear();
    marks_[name] = mark;
}

}  // namespace jst::policy
