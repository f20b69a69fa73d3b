"""The named operations of plans: which call of the laboratory each stands for, and how its arguments are told as JSON.

This table is all that recording, replaying and printing know of the laboratory's methods. To name another one, add a line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jstorrent._metadata import Metainfo
from jstorrent.lab._node import Node
from jstorrent.lab._spec import Spec
from mock_peer import Behaviour, Handshake, Message
from mock_peer.tracker import TrackerBehaviour

POSITION: Final = ("at", "op", "turn", "early", "during", "refused", "as", "of")
"""Words that each operation may have: when, what, its own name for what it gives, and whose it is."""
SUBJECTS: Final = ("node", "torrent", "key")
"""Whose method it is: the node, and of which torrent."""


@dataclass(frozen=True, slots=True)
class Word:
    """One operation: the method of an owner, and its arguments. takes_more: and whatever keywords. needs: these must be there."""

    owner: str
    method: str
    words: tuple[str, ...] = ()
    takes_more: bool = False
    needs: tuple[str, ...] = ()


def _table(owner: str, prefix: str, *lines: str) -> dict[str, Word]:
    """A line for each: the method and its arguments. With a `!`: it must be there. `**`: and others."""
    made = {}
    for line in lines:
        method, *all_words = line.split()
        words = [word.rstrip("!") for word in all_words if word != "**"]
        needs = tuple(word[:-1] for word in all_words if word.endswith("!"))
        made[prefix + method] = Word(owner, method, tuple(words), "**" in all_words, needs)
    return made


_SENDS: Final = (
    "send_keepalive", "send_choke", "send_unchoke", "send_interested", "send_not_interested", "send_have piece!",
    "send_bitfield pieces!", "send_have_all", "send_have_none", "send_suggest piece!", "send_allowed_fast piece!",
    "send_port port!", "send_request piece begin length", "send_cancel piece begin length",
    "send_reject piece begin length", "send_piece piece begin data length", "send_handshake handshake",
    "send_extended which payload", "send_metadata piece data total_size type", "send_pex added dropped", "send_raw data!",
)  # fmt: skip

WORDS: Final[dict[str, Word]] = {
    **_table("lab", "", "torrent **", "engine name!", "peer name!", "tracker name! kind **", "check"),
    **_table("lab", "", "gate point! action nth times mode error where"),
    **_table("gate", "gate.", "release", "remove"),
    **_table("alarm", "", "alarm when!"),
    **_table("engine", "", "add spec peers have magnet save_path **", "stop", "start", "crash mode", "restart"),
    **_table("peer", "peer.", "connect client! spec handshake source_port retry", "disconnect how", "gain pieces!"),
    **_table("peer", "peer.", "answer request! data", *_SENDS),
    **_table("assigned", "peer.", "behave value!", "auto value!"),
    **_table("tracker", "tracker.", "stop", "start"),
    **_table("assigned", "tracker.", "behave value!"),
    **_table("net", "net.", "access node! up down latency jitter", "partition a! b! one_way only", "heal", "hold a! b!"),
    **_table("net", "net.", "release a! b!", "fragment a! b! sizes!", "cut_after a! b! nbytes! how!"),
    **_table("net", "net.", "split_after a! b! nbytes!", "corrupt a! b! p!"),
    **_table("net", "net.", "link a! b! latency rate jitter window loss duplicate reorder one_way", "name name! nodes!"),
    **_table("clock", "clock.", "jump_mono seconds! engine", "jump_wall seconds! engine"),
    **_table("disk", "disk.", "write path! offset! data!", "delete path!", "truncate path! size!", "corrupt path! offset! data!"),
    **_table("disk", "disk.", "quota nbytes! under", "fail operation! nth error times path offset"),
    **_table("disk", "disk.", "stall seconds! operation path"),
    **_table("fault", "disk.", "clear"),
    **_table("sockets", "sockets.", "quota most!"),
    **_table("session", "session.", "add source! save_path **", "configure **", "save", "close timeout"),
    **_table("session", "session.", "ban host! seconds", "unban host!"),
    **_table("torrent", "torrent.", "connect address!", "pause", "resume", "stop", "start", "recheck", "announce"),
    **_table("torrent", "torrent.", "remove delete_files", "set_file_priority file! priority!", "configure **"),
    **_table("torrent", "torrent.", "set_piece_priority piece! priority!", "set_sequential on", "set_trackers tiers!"),
    **_table("torrent", "torrent.", "set_web_seeds urls!", "set_queue_position place!", "move path!"),
    **_table("torrent", "torrent.", "rename_file file! path!"),
    **_table("phase", "", "recover core", "end"),
}

RENAMED: Final = {"op": "operation", "spec": "torrent"}
"""Arguments that are called otherwise in an operation."""
NAMED: Final = {"operation": "op", "torrent": "spec"}
TARGET_IS_ARGUMENT: Final = ("net.access",)
"""Operations whose `node` is an argument."""
_NODES: Final = ("a", "b", "node", "engine", "client", "address", "peers", "host", "nodes")


def plain(value: Any) -> Any:
    """A value in words of JSON; nodes and torrents by their names. TypeError for what cannot be told."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, (Node, Spec)):
        return value.name
    if isinstance(value, (Behaviour, Handshake, TrackerBehaviour)):
        return value.to_dict()
    if isinstance(value, Message):
        return {name: getattr(value, name) for name in ("connection", "piece", "begin", "length")}
    if isinstance(value, Metainfo):
        return plain(value.encode())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return _told_otherwise(value)


def _told_otherwise(value: Any) -> Any:
    if hasattr(value, "url"):
        return value.url
    if type(value).__name__ == "Magnet":
        return str(value)
    if hasattr(value, "address"):
        return plain(value.address)
    raise TypeError(f"a plan cannot tell {value!r}")


def fancy(name: str, value: Any, nodes: Mapping[str, Any]) -> Any:
    """The value of an argument again, from its plain form."""
    if isinstance(value, dict) and set(value) == {"hex"} and isinstance(value["hex"], str):
        return bytes.fromhex(value["hex"])
    if name == "handshake" and isinstance(value, dict):
        return Handshake.of(value)
    if name in _NODES:
        return _node(value, nodes)
    if name == "tiers":
        return [_tier(tier, nodes) for tier in value]
    if name in ("added", "dropped") and isinstance(value, list):
        return [(host, port) for host, port in value]
    if name == "offset" and isinstance(value, list):
        return tuple(value)
    if name == "priorities" and isinstance(value, dict):
        return {int(key) if key.isdecimal() else key: item for key, item in value.items()}
    if isinstance(value, dict):
        return {key: fancy("", item, nodes) for key, item in value.items()}
    if isinstance(value, list):
        return [fancy("", item, nodes) for item in value]
    return value


def _tier(value: Any, nodes: Mapping[str, Any]) -> Any:
    """Urls, or the names of trackers."""
    if isinstance(value, str):
        return getattr(nodes.get(value), "url", value)
    return [_tier(item, nodes) for item in value]


def _node(value: Any, nodes: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return nodes.get(value, value)
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int):
            return value[0], value[1]
        return [_node(item, nodes) for item in value]
    return value
