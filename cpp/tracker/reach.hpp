// Which addresses a tracker's URL may lead to, so that a torrent can not make us speak to what is near us.
//
// Asked with the address that is dialled, after the name was resolved: a name that changes its mind gains nothing.
//   nobody's (0.0.0.0, multicast, broadcast)  never
//   global                                    yes
//   any other, by a redirect from a global    never
//   loopback and link-local, over HTTP        only when the path is /announce or /scrape
//   private, over HTTP                        only when the last part of the path begins with one of these
//   any other, over UDP                       yes: what is sent there is not the torrent's to choose
#pragma once

#include "base/endpoint.hpp"
#include "base/url.hpp"

namespace jst::tracker {

inline constexpr unsigned max_redirects = 5;

bool may_reach(const IpAddress& address, const Url& url, bool redirected_from_global) noexcept;
/// From http or https to one of them, never from https to http.
bool may_redirect(const Url& from, const Url& to) noexcept;

}  // namespace jst::tracker
