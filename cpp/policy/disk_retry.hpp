// When a torrent that failed at its disk tries again by itself, and whether its failure is news.
//
// A trouble begins with a failure and ends when the torrent has run for `calm`. Within it each failure doubles the wait
// before the next try, and only the first one is told. Errors that time does not mend (a name too long, a link in the
// way) wait for the user, whose start ends the trouble too: what he asked for and did not get is news. Does not know
// what to do about an error. Invariants: 1. first_wait <= wait <= longest_wait; 2. one try for each wait.
#pragma once

#include "base/errc.hpp"
#include "base/time.hpp"

namespace jst::policy {

class DiskRetry {
  public:
    static constexpr Duration first_wait = seconds(5);
    static constexpr Duration longest_wait = seconds(300);
    static constexpr Duration calm = seconds(60);

    struct Verdict {
        Time try_at;  // never: only the user can mend it
        bool is_news = false;
    };

    /// Room may come, a disk may be mounted again, a file that is gone can be fetched again.
    static bool may_pass(Errc error) noexcept;

    Verdict on_failure(Errc error, Time now) noexcept;
    /// Its files are known to be good, it works with them.
    void on_running(Time now) noexcept { running_since_ = now; }
    /// Started, checked or stopped by the user.
    void on_user() noexcept { wait_ = {}; }
    /// There was a failure that the next one follows.
    bool is_waiting() const noexcept { return wait_.ns != 0; }

  private:
    Duration wait_;  // the last one; 0: no trouble
    Time running_since_ = Time::never();
};

}  // namespace jst::policy
