"""More of what may happen: to the process, to files and their names, and what liars say of their own accord."""

from __future__ import annotations

from typing import Any

from jstorrent.lab._deeds import Draw, Ops, deed

_PLACES = ("/downloads", "/elsewhere", "/downloads/deep/er")


@deed
def sockets(d: Draw) -> Ops:
    """The process runs out of descriptors, for a while or until all is healed."""
    node = d.rng.choice(d.engines)
    made: Ops = [{"op": "sockets.quota", "node": node, "most": d.rng.choice([1, 2, 3, 5])}]
    if d.rng.random() < 0.5:
        made.append({"op": "sockets.quota", "node": node, "most": None, "later": d.rng.choice([0.2, 3.0])})
    return made


@deed
def move(d: Draw) -> Ops:
    """The files go elsewhere."""
    return [{"op": "torrent.move", "node": d.client(), "path": d.rng.choice(_PLACES)}]


@deed
def rename(d: Draw) -> Ops:
    """The first file is called otherwise."""
    return [{"op": "torrent.rename_file", "node": d.client(), "file": 0, "path": d.rng.choice(["x", "deep/x"])}]


@deed
def files(d: Draw) -> Ops:
    """The first file is not wanted, or is wanted most."""
    return [{"op": "torrent.set_file_priority", "node": d.client(), "file": 0, "priority": d.rng.choice([0, 0, 1, 7])}]


@deed
def own_limits(d: Draw) -> Ops:
    """The same settings of one torrent."""
    what, values = d.rng.choice(
        [("upload_slots", [0, 1, None]), ("max_connections", [1, 3, None]), ("download_rate_limit", [20_000, None])]
    )
    return [{"op": "torrent.configure", "node": d.client(), what: d.rng.choice(values)}]


@deed
def unban(d: Draw) -> Ops:
    return [{"op": "session.unban", "node": d.client(), "host": d.rng.choice(["10.0.0.77", "10.0.0.2"])}]


def _liar(d: Draw) -> str | None:
    liars = [name for name in d.peers if name != "good"]
    return d.rng.choice(liars) if liars else None


@deed
def says(d: Draw) -> Ops:
    """A liar says something unasked."""
    node = _liar(d)
    if node is None:
        return []
    piece = d.rng.choice([0, d.rng.randrange(d.pieces), d.pieces, 2**32 - 1])
    said: list[tuple[str, dict[str, Any]]] = [
        ("choke", {}), ("unchoke", {}), ("interested", {}), ("not_interested", {}), ("keepalive", {}), ("have_all", {}),
        ("have_none", {}), ("have", {"piece": piece}), ("suggest", {"piece": piece}), ("allowed_fast", {"piece": piece}),
        ("bitfield", {"pieces": {"hex": d.rng.choice(["", "ff", "00" * 9])}}), ("port", {"port": 6881}),
        ("request", {"piece": piece, "begin": 0, "length": d.rng.choice([0, 1, 16384, 1 << 20])}),
        ("cancel", {"piece": piece, "begin": 0, "length": 16384}), ("reject", {"piece": piece, "begin": 0, "length": 16384}),
        ("raw", {"data": {"hex": d.rng.choice(["00", "0000000a14", "00000001", "ff" * 40])}}),
        ("piece", {"piece": 0, "begin": 0}), ("extended", {"which": d.rng.choice([0, 1, 200]), "payload": {"hex": "6465"}}),
    ]  # fmt: skip
    word, words = d.rng.choice(said)
    return [{"op": f"peer.send_{word}", "node": node, **words}]


@deed
def changes(d: Draw) -> Ops:
    """A liar does something else from now on, or does less by itself."""
    from jstorrent.lab._generate import KINDS_DRAWN, behaviour

    node = _liar(d)
    if node is None:
        return []
    if d.rng.random() < 0.3:
        auto: Any = d.rng.choice([[], ["claims"], ["claims", "unchoke"], ["claims", "extended", "unchoke", "serve"]])
        return [{"op": "peer.auto", "node": node, "value": auto}]
    return [{"op": "peer.behave", "node": node, "value": [behaviour(d.rng, d.rng.choice(KINDS_DRAWN))]}]


@deed
def gains(d: Draw) -> Ops:
    """A liar has one more piece, and says so."""
    node = _liar(d)
    return [] if node is None else [{"op": "peer.gain", "node": node, "pieces": [d.rng.randrange(d.pieces)]}]


@deed
def look(d: Draw) -> Ops:
    """The oracles look, in the middle of it all."""
    return [{"op": "check"}]


@deed
def news(d: Draw) -> Ops:
    """An honest peer says what nobody knows yet, which is to be passed over."""
    if "good" not in d.peers:
        return []
    return [{"op": "peer.send_raw", "node": "good", "data": {"hex": d.rng.choice(["0000000130", "0000000463000000", "00000002ff00"])}}]


@deed
def rest(d: Draw) -> Ops:
    """The user stops for a moment."""
    node, (ends, begins) = d.client(), d.rng.choice([("pause", "resume"), ("stop", "start")])
    return [{"op": f"torrent.{ends}", "node": node}, {"op": f"torrent.{begins}", "node": node, "later": d.rng.choice([0, 0.05, 1.0])}]
