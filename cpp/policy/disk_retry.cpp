#include "policy/disk_retry.hpp"

#include <algorithm>

namespace jst::policy {

bool DiskRetry::may_pass(Errc error) noexcept {
    switch (error) {
        case Errc::disk_full:
        case Errc::disk_quota:
        case Errc::disk_io:
        case Errc::disk_timeout:
        case Errc::short_write:
        case Errc::short_read:
        case Errc::read_only:
        case Errc::not_found:
        case Errc::too_many_open:
            return true;
        default:
            return false;
    }
}

DiskRetry::Verdict DiskRetry::on_failure(Errc error, Time now) noexcept {
    const bool calmed = running_since_ <= now && now - running_since_ >= calm;
    const bool fresh = wait_.ns == 0 || calmed;
    running_since_ = Time::never();
    if (!may_pass(error)) {
        wait_ = {};
        return {Time::never(), true};
    }
    wait_ = fresh ? first_wait : std::min(wait_ * 2, longest_wait);
    return {now + wait_, fresh};
}

}  // namespace jst::policy
