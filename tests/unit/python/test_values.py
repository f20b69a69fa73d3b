"""Snapshots and errors are values: they compare, hash, pickle, and are ready for JSON."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest
from jstorrent import _core, _events, _status

SNAPSHOTS = [jst.Ban, jst.Counters, jst.FileStatus, jst.PeerStatus, jst.PieceStatus, jst.SessionStatus,
             jst.TorrentStatus, jst.TrackerStatus]  # fmt: skip
ERRORS = [
    jst.Error("e", code="closed"),
    jst.ParseError("p", code="truncated", offset=7),
    jst.DiskError("disk: full: /x", code="disk_full", filename="/x"),
    jst.NetworkError("n", code="address_in_use", address=("::1", 80)),
    jst.TimeoutError("late"),
    jst.SettingsError("s", key="dht"),
    jst.RemovedError(),
]


def sample(cls: type[Any]) -> Any:
    """A snapshot with a value of the right sort in each field."""
    made: dict[str, Any] = {
        "str": "word", "int": 3, "float": 1.5, "bool": True, "bytes": b"\x00\xff", "Path": Path("a/b"),
        "Address": ("1.2.3.4", 6881), "tuple[Address, ...]": (("::1", 1),), "Counters": jst.Counters(1, 2),
        "State": "seeding", "LimitedBy": "disk", "PieceState": "complete", "PeerState": "connected", "Direction": "in",
        "TrackerState": "idle", "Error": ERRORS[2],
    }  # fmt: skip
    return cls(**{f.name: made[str(f.type).removesuffix(" | None")] for f in dataclasses.fields(cls)})


@pytest.mark.parametrize("cls", SNAPSHOTS, ids=lambda c: c.__name__)
def test_a_snapshot_is_a_frozen_value_that_pickles_and_speaks_json(cls: type[Any]) -> None:
    value = sample(cls)
    for same in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert same == value and hash(same) == hash(value)
    first = dataclasses.fields(cls)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, first, 0)
    with pytest.raises((AttributeError, TypeError)):
        value.unknown = 1
    words = json.loads(json.dumps(value.to_dict()))
    assert list(words) == [field.name for field in dataclasses.fields(cls)]


VALUES = [*SNAPSHOTS, *_events.CLASSES, jst.Event, jst.TorrentEvent, jst.FileEntry, jst.Magnet, jst.Settings]


@pytest.mark.parametrize("cls", VALUES, ids=lambda c: c.__name__)
def test_a_value_is_what_dataclasses_would_have_made(cls: type[Any]) -> None:
    assert dataclasses.is_dataclass(cls)
    fields = [(f.name, f.type, dataclasses.field(default=f.default)) for f in dataclasses.fields(cls)]
    real = dataclasses.make_dataclass(cls.__name__, fields, frozen=True, kw_only=cls is jst.Settings)
    assert inspect.signature(cls) == inspect.signature(real)
    assert cls.__match_args__ == real.__match_args__  # type: ignore[attr-defined]
    assert cls.__dataclass_params__.frozen and hasattr(cls, fields[0][0])
    with pytest.raises((TypeError, jst.SettingsError), match="no_such"):
        cls(no_such=1)


def test_a_value_does_what_a_dataclass_does() -> None:
    ban, counters = jst.Ban("::1", "said so", since_at=1.5, until_at=None), jst.Counters(1, payload_failed=2)
    assert dataclasses.replace(ban, reason="lied") == jst.Ban("::1", "lied", 1.5, None) != ban
    assert dataclasses.asdict(ban) == {"host": "::1", "reason": "said so", "since_at": 1.5, "until_at": None}
    assert dataclasses.astuple(counters) == (1, 0, 2, 0, 0, 0, 0, 0, 0, 0)
    assert repr(ban) == "Ban(host='::1', reason='said so', since_at=1.5, until_at=None)"
    assert ban != ("::1", "said so", 1.5, None) and len({ban, copy.copy(ban), dataclasses.replace(ban)}) == 1
    match ban:
        case jst.Ban(host, reason):
            assert (host, reason) == ("::1", "said so")
    for wrong, why in (((1, 2, 3), "missing 1 .*'until_at'"), ((1, 2, 3, 4, 5), "takes 5 .* 6 were given")):
        with pytest.raises(TypeError, match=rf"^Ban.__init__\(\) {why}"):
            jst.Ban(*wrong)
    with pytest.raises(TypeError, match=r"^Ban.__init__\(\) got multiple values for argument 'host'"):
        jst.Ban("::1", "said so", 1.5, host="::2")  # type: ignore[call-arg,misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del ban.host


def test_json_words_for_bytes_paths_addresses_and_errors() -> None:
    peer, torrent = sample(jst.PeerStatus).to_dict(), sample(jst.TorrentStatus).to_dict()
    assert peer["peer_id"] == "00ff" and peer["address"] == ["1.2.3.4", 6881]
    assert peer["counters"]["payload_verified"] == 2
    assert torrent["save_path"] == "a/b"
    assert torrent["error"]["code"] == "disk_full" and torrent["error"]["filename"] == "/x"


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_error_pickles_and_copies_with_its_attributes(error: jst.Error) -> None:
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is type(error) and str(same) == str(error) and same.code == error.code
        assert same == error and hash(same) == hash(error)
        for name in ("offset", "errno", "filename", "address", "key"):
            assert getattr(same, name, None) == getattr(error, name, None)
    json.dumps(error.to_dict())


def test_errors_that_differ_in_an_attribute_are_not_equal() -> None:
    assert jst.Error("e", code="a") != jst.Error("e", code="b")
    assert jst.ParseError("e", offset=1) != jst.ParseError("e", offset=2)
    assert jst.Error("e") != "e"


def test_the_words_of_the_types_are_the_engines() -> None:
    assert _status.State.__args__ == _core.states  # type: ignore[attr-defined]
    assert _status.LimitedBy.__args__ == _core.limits  # type: ignore[attr-defined]
    assert _status.PieceState.__args__ == _core.piece_states  # type: ignore[attr-defined]
    assert _status.PeerState.__args__ == _core.peer_states  # type: ignore[attr-defined]


def test_snapshots_of_an_engine_have_the_types_they_say(session: jst.Session, torrent: jst.Torrent) -> None:
    status = torrent.status()
    for field in dataclasses.fields(status):
        value = getattr(status, field.name)
        if str(field.type) == "int":
            assert type(value) is int, field.name
        if str(field.type) == "float":
            assert type(value) is float, field.name
    assert isinstance(status.save_path, Path) and isinstance(status.counters, jst.Counters)
    assert pickle.loads(pickle.dumps(session.status())).counters == session.status().counters
    assert [f.index for f in torrent.files()] == [0, 1, 2]
    assert torrent.piece(0) == dataclasses.replace(torrent.piece(0))
    for value in (status, session.status(), torrent.piece(0), *torrent.files()):
        json.dumps(value.to_dict())


def test_a_copied_event_is_about_the_same_torrent(torrent: jst.Torrent) -> None:
    event = jst.TorrentRemoved(1.0, torrent)
    assert copy.deepcopy(event) == event and copy.copy(torrent) == torrent
    assert dataclasses.asdict(event)["torrent"] == torrent
