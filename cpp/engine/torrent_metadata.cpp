// Torrent's beginning as a magnet link: what it is called, and the moment when the metadata is there.
#include "engine/torrent.hpp"

namespace jst::engine {

std::string Torrent::magnet() const {
    codec::Magnet link;
    link.hashes = hashes();
    link.name = metainfo_ ? metainfo_->name() : origin_->link().name;
    for (const auto& tier : announcer_.tiers()) link.trackers.insert(link.trackers.end(), tier.begin(), tier.end());
    link.web_seeds = *web_seeds_;
    return link.to_string();
}

Bytes Torrent::shared_info() const noexcept {
    return metainfo_ && !metainfo_->is_private() ? metainfo_->info_bytes() : Bytes();
}

void Torrent::take_metadata(std::shared_ptr<const codec::Metainfo> metainfo, Time now) {
    if (metainfo_ || removed_) return;
    if (fetch() != nullptr) fetch()->end();
    if (metainfo->version() == codec::MetainfoVersion::v2) return fail(Errc::not_supported, {}, now);
    auto layout = storage::make_layout(*metainfo);
    if (!layout) return fail(layout.error().code, {}, now);
    codec::Envelope envelope = metainfo->envelope();
    envelope.trackers = announcer_.tiers();
    envelope.web_seeds = *web_seeds_;
    metainfo_ = std::make_shared<const codec::Metainfo>(metainfo->with_envelope(std::move(envelope)));
    geometry_ = {metainfo_->num_pieces(), metainfo_->piece_length(), metainfo_->total_size()};
    files_.lay_out(std::make_shared<const storage::Layout>(std::move(*layout)));
    core_.places.note(*this);
    download_.begin(*metainfo_);
    std::vector<std::string> paths;
    for (const auto& file : files_.layout().files) paths.push_back(file.path);
    file_priorities_ = origin_->resolve(paths);
    apply_priorities();
    if (books_.trusted && books_.trusted->size() == 0) *books_.trusted = Bitfield(geometry_.num_pieces, true);
    if (books_.trusted && books_.trusted->size() != geometry_.num_pieces) books_.trusted.reset();
    dirty_ = urgent_ = true;
    fetched_ = networking_;
    error_.reset();
    core_.emit(EventKind::metadata_received, key_, {});
    conversation_.on_metadata_known();
    evaluate(now);
}

}  // namespace jst::engine
