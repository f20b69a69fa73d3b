// What is left of a session when its engine is gone: the answers to all queries as they stood last.
//
// Has the const members of engine::Session that Python asks, so that a query is written once and works on both.
// Torrents of a crashed engine answer as removed. Knows no thread; never changed once made.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/session.hpp"

namespace jst::bind {

class Remains {
  public:
    /// `known`: torrents that were seen, removed ones too. `are_removed`: the engine did not close, it was taken away.
    Remains(const engine::Session& session, const std::vector<TorrentKey>& known, bool are_removed);

    const engine::Settings& settings() const noexcept { return settings_; }
    std::optional<std::uint16_t> listen_port() const noexcept { return std::nullopt; }
    std::vector<TorrentKey> torrents() const;
    std::optional<TorrentKey> find(Bytes info_hash) const;
    engine::SessionStatus status() const { return status_; }
    /// How it stood at the very end: what is not 0 there was left behind.
    const engine::SessionStatus& left() const noexcept { return left_; }
    std::vector<engine::BanStatus> bans() const { return bans_; }
    std::vector<engine::StateProblem> problems() const { return problems_; }
    Result<engine::TorrentStatus> status(TorrentKey torrent) const;
    Result<engine::State> state(TorrentKey torrent) const;
    std::shared_ptr<const codec::Metainfo> metainfo(TorrentKey torrent) const;
    Result<engine::PieceStatus> piece(TorrentKey torrent, PieceIndex piece) const;
    Result<ByteVector> pieces(TorrentKey torrent) const;
    Result<std::vector<std::uint32_t>> availability(TorrentKey torrent) const;
    Result<std::vector<engine::FileStatus>> files(TorrentKey torrent) const;
    Result<std::vector<engine::PeerStatus>> peers(TorrentKey torrent, bool all) const;
    Result<std::vector<engine::TrackerStatus>> trackers(TorrentKey torrent) const;
    Result<engine::TorrentLimits> limits(TorrentKey torrent) const;

  private:
    struct Torrent {
        TorrentKey key;
        bool is_listed = true;  // among torrents(): not removed
        engine::TorrentStatus status;
        std::shared_ptr<const codec::Metainfo> metainfo;
        ByteVector pieces;
        std::vector<engine::FileStatus> files;
        std::vector<engine::TrackerStatus> trackers;
        engine::TorrentLimits limits;
    };
    const Torrent* torrent(TorrentKey key) const noexcept;
    void keep(const engine::Session& session, TorrentKey key, bool is_listed, bool is_removed);

    engine::Settings settings_;
    engine::SessionStatus left_;
    engine::SessionStatus status_;
    std::vector<engine::BanStatus> bans_;
    std::vector<engine::StateProblem> problems_;
    std::vector<Torrent> torrents_;
};

}  // namespace jst::bind
