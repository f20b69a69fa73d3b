// Reads what stands around the info dictionary of a .torrent: BEP 3, 5, 12 and 19.
//
// Nothing in here makes a torrent unusable: what is malformed, unknown or too much is left out.
#pragma once

#include "codec/metainfo.hpp"

namespace jst::codec {

Envelope read_envelope(BencodeNode torrent, const MetainfoLimits& limits);

/// Within the limits, good URLs only, each once, no empty tier. For what users hand in as well.
TrackerTiers clean_trackers(const TrackerTiers& tiers, const MetainfoLimits& limits);
std::vector<std::string> clean_web_seeds(const std::vector<std::string>& urls, const MetainfoLimits& limits);

}  // namespace jst::codec
