"""What cannot be is refused in a sentence, and the world is as it was."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from jstorrent.lab import Lab, run

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


Call = Callable[[Any, Any, Any, Any, Any], object]
CALLS: list[tuple[Call, str]] = [
    (lambda lab, spec, good, client, t: lab.torrent(pieces="4"), "a torrent has at least one piece: '4'"),
    (lambda lab, spec, good, client, t: lab.torrent(pieces=10**12), "has at most 1,099,511,627,776 bytes"),
    (lambda lab, spec, good, client, t: lab.torrent(piece_length=65536.5), "piece_length is bytes, at least 1: 65536.5"),
    (lambda lab, spec, good, client, t: lab.torrent(files=[("a", -1)]), "the size of a is bytes, at least 0: -1"),
    (lambda lab, spec, good, client, t: lab.torrent(files=["a"]), "files are (path, size) each, not 'a'"),
    (lambda lab, spec, good, client, t: lab.torrent(files=[("a", 0)]), "a torrent has at least one byte"),
    (lambda lab, spec, good, client, t: lab.torrent(name=5), "the name of a torrent is a str, not 5"),
    (lambda lab, spec, good, client, t: lab.peer("x", "spec"), "a torrent is here what lab.torrent gave, not 'spec'"),
    (lambda lab, spec, good, client, t: lab.peer("x", spec, handshake="slow"), "handshake is a Handshake(...), not 'slow'"),
    (lambda lab, spec, good, client, t: client.add(spec.metainfo), "a torrent is here what lab.torrent gave"),
    (lambda lab, spec, good, client, t: client.add(lab.torrent(), peers=good), "peers is a list of nodes and addresses"),
    (lambda lab, spec, good, client, t: client.add(lab.torrent(), have=5), 'have is "all", "none" or a list of pieces, not 5'),
    (lambda lab, spec, good, client, t: client.add(lab.torrent(), have=["x"]), "have names pieces by their numbers: 'x'"),
    (lambda lab, spec, good, client, t: client.complete("x"), "a torrent is here what lab.torrent gave, not 'x'"),
    (lambda lab, spec, good, client, t: client.saved("x"), "a torrent is here what lab.torrent gave, not 'x'"),
    (lambda lab, spec, good, client, t: lab.until(t.state == "seeding", within=5), "a condition is something to call"),
    (lambda lab, spec, good, client, t: lab.until(lambda: True, within="5"), "seconds must be a number of at least 0, not '5'"),
    (lambda lab, spec, good, client, t: lab.until(lambda: False, within=5, every=-1), "seconds must be a number of at least 0"),
    (lambda lab, spec, good, client, t: lab.always(True, "why"), "a condition is something to call"),
    (lambda lab, spec, good, client, t: lab.at(1, 5), "is something to call"),
    (lambda lab, spec, good, client, t: lab.net.link("good", client), "a node is what lab.engine, lab.peer, lab.tracker or"),
    (lambda lab, spec, good, client, t: lab.net.link(good, client, latency=math.inf), "latency is a number of seconds, not inf"),
    (lambda lab, spec, good, client, t: lab.net.link(good, client, latency=1e300), "latency is 0 to 1e+09 seconds, not 1e+300"),
    (lambda lab, spec, good, client, t: lab.net.access(client, down="x"), "down is bytes per second, more than 0, or None: 'x'"),
    (lambda lab, spec, good, client, t: lab.net.cut_after(good, client, 1.5, "rst"), "nbytes counts bytes from now on, at least 0: 1.5"),
    (lambda lab, spec, good, client, t: lab.net.fragment(good, client, [0]), "a fragment has at least one byte: 0"),
    (lambda lab, spec, good, client, t: lab.net.fragment(good, client, ["x"]), "a fragment has at least one byte: 'x'"),
    (lambda lab, spec, good, client, t: lab.net.corrupt(good, client, "x"), "a chance lies between 0 and 1: 'x'"),
    (lambda lab, spec, good, client, t: lab.clock.jump_mono(math.inf), "a jump is a number of seconds, not inf"),
    (lambda lab, spec, good, client, t: lab.clock.jump_wall("x"), "a jump is a number of seconds, not 'x'"),
    (lambda lab, spec, good, client, t: lab.clock.jump_wall(1, engine="client"), "a node is what lab.engine"),
    (lambda lab, spec, good, client, t: client.disk.quota(1.5), "a quota is bytes, at least 0, or None: 1.5"),
    (lambda lab, spec, good, client, t: client.disk.fail("write", nth="x"), "nth and times count from 1: 'x'"),
    (lambda lab, spec, good, client, t: client.disk.fail("write", offset=5), "offset is (low, high)"),
    (lambda lab, spec, good, client, t: client.disk.stall("x"), "seconds must be more than 0"),
    (lambda lab, spec, good, client, t: good.disk.corrupt(good.path(spec, 0), 0, "x"), "bytes at an offset, not str at 0"),
    (lambda lab, spec, good, client, t: good.disk.read(good.path(spec, 0), -1), "bytes from an offset, not None from -1"),
    (lambda lab, spec, good, client, t: good.disk.truncate(good.path(spec, 0), -5), "the size of a file is bytes, at least 0: -5"),
    (lambda lab, spec, good, client, t: client.sockets.quota("x"), "a quota is sockets, at least 1, or None: 'x'"),
    (lambda lab, spec, good, client, t: run(5), "what is run is a Plan or a token, not 5"),
]


@pytest.mark.parametrize(("call", "why"), CALLS)
def test_nonsense_is_refused_in_a_sentence(call: Call, why: str) -> None:
    with Lab(seed=7) as lab:
        spec = lab.torrent(pieces=4)
        good, client = lab.seeder("good", spec), lab.engine("client")
        t = client.add(spec, peers=[good])
        with pytest.raises((ValueError, TypeError), match=re.escape(why)):
            call(lab, spec, good, client, t)
        lab.until(lambda: t.state == "seeding", within=60)
