"""Sessions with more torrents than anybody looks at one by one."""

import jstorrent as jst
import pytest
from jstorrent.lab import Lab

#: With more the queue rests for a microsecond each after a look at all of them.
FEW_IN_QUEUE = 128


def tiny(number: int) -> jst.Metainfo:
    info = {b"name": b"tiny %d" % number, b"length": 1, b"piece length": 16384, b"pieces": number.to_bytes(20, "big")}
    return jst.Metainfo.parse(jst.bencode({b"info": info}))


def session_with(lab: Lab, count: int) -> jst.Session:
    session = lab.engine("client", active_checks=None).session
    for number in range(count):
        session.add(tiny(number), "downloads")
    return session


@pytest.mark.parametrize(("count", "state"), [(FEW_IN_QUEUE, "checking"), (FEW_IN_QUEUE + 1, "checking"), (FEW_IN_QUEUE + 2, "queued")])
def test_a_place_comes_at_once_where_there_are_few(lab: Lab, count: int, state: str) -> None:
    assert session_with(lab, count).torrents[-1].state == state


def test_a_place_comes_after_a_microsecond_for_each_where_there_are_many(lab: Lab) -> None:
    session = session_with(lab, 1000)
    assert session.torrents[-1].state == "queued"
    lab.until(lambda: all(torrent.state == "stalled" for torrent in session.torrents), within=0.1)
