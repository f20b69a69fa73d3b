"""A torrent that is removed before its session has read its state."""

from __future__ import annotations

from jstorrent.lab import Lab


def test_a_torrent_removed_at_once_breaks_no_rule_and_stays_away() -> None:
    with Lab(lane="sim", seed=1755) as lab:
        spec = lab.torrent(pieces=4, piece_length=16384)
        client = lab.engine("client")
        client.add(spec).remove()
        lab.run_for(5)
        assert client.session.is_healthy() and client.session.torrents == []
        client.restart()
        lab.run_for(5)
        assert client.session.torrents == []
