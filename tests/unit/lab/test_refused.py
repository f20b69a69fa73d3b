"""What cannot be is refused in a sentence, and the world is as it was."""

from __future__ import annotations

from typing import Any

import pytest
from jstorrent.lab import Lab

NODES = [
    ({"port": 99999}, "a port is 1 to 65535"),
    ({"port": "x"}, "a port is 1 to 65535"),
    ({"port": -1}, "a port is 1 to 65535"),
]


@pytest.mark.parametrize(
    ("words", "why"),
    [*NODES, ({"peer_id": b"abc"}, "peer_id is 20 bytes"), ({"peer_id": "a" * 20}, "peer_id is 20 bytes")],
)
def test_an_engine_that_cannot_be_leaves_no_trace(words: dict[str, Any], why: str) -> None:
    with Lab(seed=7) as lab:
        spec = lab.torrent(pieces=4)
        with pytest.raises(ValueError, match=why):
            lab.engine("client", **words)
        assert lab.engines == []
        t = lab.engine("client").add(spec, peers=[lab.seeder("good", spec)])
        lab.until(lambda: t.state == "seeding", within=60)


@pytest.mark.lanes("real")
def test_an_engine_whose_port_is_taken_leaves_no_trace(lab: Lab) -> None:
    first = lab.engine("first")
    with pytest.raises(OSError, match="in use"):
        port = first.session.listen_port
        lab.engine("second", listen=(first.session.settings.listen[0],), listen_port=port)
    assert lab.engines == [first]


@pytest.mark.parametrize(("words", "why"), NODES)
@pytest.mark.parametrize("kind", ["peer", "tracker"])
def test_nor_does_another_node(kind: str, words: dict[str, Any], why: str) -> None:
    with Lab(seed=7) as lab:
        with pytest.raises(ValueError, match=why):
            getattr(lab, kind)("node", **words)
        getattr(lab, kind)("node")
