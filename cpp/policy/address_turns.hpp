// In which order the addresses of a name are asked.
//
// A name may have more of them than are asked, and the first may lead nowhere (an IPv6 that does not work). The
// resolver's order is taken, begun with the one that answered last; after a round in vain the next begins behind the
// last one asked. Invariants: 1. at most most_asked of one name; 2. each address of a name is asked within as many
// rounds as it takes; 3. at most max_names are known: one more, and all are forgotten. Does not know clocks, nor which
// addresses are allowed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/endpoint.hpp"

namespace jst::policy {

class AddressTurns {
  public:
    static constexpr std::size_t most_asked = 4;
    static constexpr std::size_t max_names = 512;

    /// Those to ask, in this order.
    std::vector<IpAddress> order(const std::string& name, std::vector<IpAddress> allowed) const;
    void on_answer(const std::string& name, const IpAddress& from) { note(name, {from, true}); }
    /// Nobody answered; this one was asked last.
    void on_silence(const std::string& name, const IpAddress& last) { note(name, {last, false}); }

    std::size_t known() const noexcept { return marks_.size(); }

  private:
    struct Mark {
        IpAddress address;
        bool answered = false;
    };

    void note(const std::string& name, const Mark& mark);

    std::map<std::string, Mark> marks_;
};

}  // namespace jst::policy
