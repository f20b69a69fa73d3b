"""A session: adding, finding, reading, commands, state_dir, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest

from tests.unit.python.conftest import Payload, SessionMaker

HASH = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"


def test_all_sources_of_a_torrent_give_the_same_one(session: jst.Session, payload: Payload, tmp_path: Path) -> None:
    path = tmp_path / "album.torrent"
    payload.metainfo.save(path)
    torrent = session.add(payload.metainfo, payload.empty)
    assert payload.metainfo.info_hash is not None
    for source in (path, str(path), path.read_bytes(), payload.metainfo, payload.metainfo.magnet(),
                   jst.Magnet.parse(payload.metainfo.magnet()), payload.metainfo.info_hash.hex()):  # fmt: skip
        assert session.add(source, tmp_path / "elsewhere") == torrent
    assert session.torrents == [torrent] and torrent.save_path == payload.empty
    assert session.find(payload.metainfo.info_hash) == session.find(payload.metainfo.info_hash.hex()) == torrent


def test_a_torrent_that_is_there_takes_new_trackers_from_every_source_and_nothing_else(
    session: jst.Session, payload: Payload, tmp_path: Path
) -> None:
    metainfo = payload.metainfo.replace(trackers=["http://192.0.2.1/announce"])
    torrent = session.add(metainfo, payload.empty, stopped=True)
    other = metainfo.replace(trackers=["http://192.0.2.2/announce", "http://192.0.2.1/announce"])
    for number, source in enumerate((other, other.encode(), other.magnet())):
        added = session.add(
            source, tmp_path / "elsewhere", sequential=True, priorities={"*": 0}, trackers=[f"http://192.0.2.1{number}/announce"]
        )
        assert added == torrent
    ends = ("1", "2", "10", "11", "12")
    assert [tracker.url for tracker in torrent.trackers()] == [f"http://192.0.2.{end}/announce" for end in ends]
    status = torrent.status()
    assert (status.state, status.save_path, status.is_sequential) == ("stopped", payload.empty, False)
    assert {file.priority for file in torrent.files()} == {4}


@pytest.mark.parametrize("source", [HASH, HASH.upper(), f"magnet:?xt=urn:btih:{HASH}",
                                    jst.Magnet(info_hash=bytes.fromhex(HASH))])  # fmt: skip
def test_a_link_or_a_bare_hash_is_a_torrent_without_metadata(session: jst.Session, source: Any, tmp_path: Path) -> None:
    t = session.add(source, tmp_path, priorities={"*": 0, 1: 7})
    assert t.wait("fetching_metadata", 10).metadata_progress == 0.0
    assert (t.info_hash, t.name, t.metainfo, t.num_pieces) == (bytes.fromhex(HASH), HASH, None, None)
    assert t.status().total_size is None and t.progress == 0.0
    assert (t.pieces(), t.availability(), t.files()) == (b"", [], [])
    assert HASH in t.magnet() and session.find(HASH) == t
    for ask in (lambda: t.piece(0), lambda: t.set_piece_priority(0, 1), lambda: t.set_file_priority("*", 1)):
        with pytest.raises(jst.Error) as caught:
            ask()
        assert caught.value.code == "no_metadata"
    with pytest.raises(jst.TimeoutError, match="has no metadata"):
        t.wait_metadata(0)
    t.remove(delete_files=True)
    t.wait("removed", 10)
    assert (t.info_hash, t.name, t.state) == (bytes.fromhex(HASH), HASH, "removed") and tmp_path.exists()


@pytest.mark.parametrize("wish", [{"*": 8}, {-1: 0}, {2.5: 1}, {True: 1}, {"x" * 5000: 1}])
def test_senseless_priorities_of_a_link_are_refused(session: jst.Session, wish: Any, tmp_path: Path) -> None:
    with pytest.raises((ValueError, TypeError, IndexError)):
        session.add(HASH, tmp_path, priorities=wish)
    assert session.torrents == []


def test_sources_that_come_later_say_so(session: jst.Session, tmp_path: Path) -> None:
    for source in ("ab" * 32, jst.Magnet(info_hash_v2=b"a" * 32)):
        with pytest.raises(jst.Error, match="torrents of v2 alone cannot be downloaded yet") as caught:
            session.add(source, tmp_path)
        assert caught.value.code == "not_supported"


def test_wrong_sources_are_refused_each_in_its_way(session: jst.Session, tmp_path: Path) -> None:
    with pytest.raises(jst.DiskError) as missing:
        session.add(tmp_path / "none.torrent", tmp_path)
    assert missing.value.filename == str(tmp_path / "none.torrent")
    with pytest.raises(jst.ParseError):
        session.add(b"not a torrent", tmp_path)
    with pytest.raises(jst.ParseError):
        session.add("magnet:?dn=nothing", tmp_path)
    with pytest.raises(TypeError, match="source"):
        session.add(7, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="info-hash"):
        session.find("abc")
    assert session.find(b"x" * 20) is None and session.torrents == []


def test_a_handle_is_a_value(session: jst.Session, open_session: SessionMaker, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.empty)
    again = session.torrents[0]
    assert again is not torrent and again == torrent and hash(again) == hash(torrent) and len({again, torrent}) == 1
    assert torrent != open_session().add(payload.metainfo, payload.empty) and torrent != "album"
    assert payload.metainfo.info_hash is not None
    assert "album" in repr(torrent) and payload.metainfo.info_hash.hex() in repr(torrent)


def test_what_a_torrent_says_of_itself(torrent: jst.Torrent, payload: Payload) -> None:
    assert torrent.metainfo == payload.metainfo and torrent.name == "album" and torrent.num_pieces == 12
    assert torrent.info_hash == payload.metainfo.info_hash and torrent.info_hash_v2 is None
    assert torrent.magnet() == payload.metainfo.magnet()
    status = torrent.status()
    assert (status.total_size, status.num_pieces, status.wanted) == (190_000, 12, 190_000)
    assert torrent.progress == 0.0 and torrent.active_pieces == 0 and not torrent.in_endgame
    assert torrent.pieces() == bytes(12) and len(torrent.availability()) == 12
    assert torrent.error is None and torrent.error_message == "" and torrent.queue_position == 0
    last = torrent.piece(11)
    assert (last.index, last.size, last.state, last.blocks_total) == (11, 190_000 - 11 * 16384, "missing", 1)
    assert torrent.peers() == [] and torrent.peers(all=True) == []
    for index in (-1, 12):
        with pytest.raises(IndexError):
            torrent.piece(index)


@pytest.mark.parametrize(
    ("priorities", "expected"),
    [
        ({"*": 0, "*.jpg": 7}, {"one.flac": 0, "two.flac": 0, "front.jpg": 7}),
        ({"*.flac": 1, 1: 6, "cover/front.jpg": 2}, None),
        ({"album/one.flac": 3}, {"one.flac": 3, "two.flac": 4, "front.jpg": 4}),
        ({"one.flac": 7, "*": 2}, {"one.flac": 2, "two.flac": 2, "front.jpg": 2}),
        ({"*.mkv": 0}, {"one.flac": 4, "two.flac": 4, "front.jpg": 4}),
    ],
)
def test_priorities_by_index_and_glob_later_ones_win(
    session: jst.Session, payload: Payload, priorities: dict[int | str, int], expected: dict[str, int] | None
) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True, priorities=priorities)
    found = {file.path.name: file.priority for file in torrent.files()}
    if expected is None:
        second = payload.metainfo.files[1].path.name
        expected = {"one.flac": 1, "two.flac": 1, "front.jpg": 2} | {second: 6}
        if second != "front.jpg":
            expected["front.jpg"] = 2
        else:
            expected["front.jpg"] = 2  # the later entry
    assert found == expected


def test_wrong_priorities_are_refused_with_the_nearest_name(session: jst.Session, payload: Payload) -> None:
    for wrong, error, words in (
        ({"one.flak": 1}, ValueError, "did you mean 'one.flac'"),
        ({3: 1}, IndexError, "3"),
        ({"*": 8}, ValueError, "0 .skip. to 7"),
        ({"*": True}, ValueError, "priority"),
        ({2.5: 1}, TypeError, "glob"),
    ):
        with pytest.raises(error, match=words):
            session.add(payload.metainfo, payload.empty, priorities=wrong)  # type: ignore[arg-type]
    assert session.torrents == []


def test_file_and_piece_priorities_of_a_torrent(torrent: jst.Torrent) -> None:
    torrent.set_file_priority("*.flac", 0)
    torrent.set_file_priority(0, 5)
    priorities = [file.priority for file in torrent.files()]
    assert priorities[0] == 5 and 0 in priorities
    wanted = torrent.status().wanted
    torrent.set_file_priority("*", 4)
    assert torrent.status().wanted == 190_000 > wanted
    torrent.set_piece_priority(0, 0)
    torrent.set_piece_priority(0, 7)
    for wrong in (8, -1, True, "high"):
        with pytest.raises(ValueError, match="priority"):
            torrent.set_piece_priority(0, wrong)  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        torrent.set_piece_priority(12, 1)


@pytest.mark.parametrize("wrong", ["nowhere", ("host.example", 80), ("1.2.3.4", 0), ("1.2.3.4", 65536), "1.2.3.4:x"])
def test_addresses_are_ip_and_port(torrent: jst.Torrent, wrong: Any) -> None:
    with pytest.raises(ValueError):
        torrent.connect(wrong)
    with pytest.raises(ValueError):
        torrent._session.add(torrent.metainfo, "x", peers=[wrong])  # type: ignore[arg-type]


def test_states_by_command(torrent: jst.Torrent) -> None:
    torrent.stop()
    assert torrent.wait("stopped", 10).num_peers == 0
    torrent.start()
    torrent.wait(lambda status: status.state in ("downloading", "stalled"), 10)
    torrent.pause()
    torrent.wait("paused", 10)
    torrent.resume()
    torrent.wait(lambda status: status.state in ("downloading", "stalled"), 10)
    torrent.set_sequential(True)
    assert torrent.status().is_sequential
    torrent.recheck()
    torrent.wait(lambda status: status.state in ("downloading", "stalled"), 10)


def test_paused_and_stopped_from_the_start(session: jst.Session, payload: Payload) -> None:
    assert session.add(payload.metainfo, payload.empty, paused=True, sequential=True).wait("paused", 10).is_sequential
    other = jst.create_torrent(payload.directory / "album" / "one.flac")
    assert session.add(other, payload.empty, stopped=True).wait("stopped", 10).num_peers == 0


def test_the_queue_can_be_reordered(session: jst.Session, payload: Payload) -> None:
    torrents = [session.add(jst.create_torrent(payload.directory / "album" / name), payload.empty, stopped=True)
                for name in ("one.flac", "two.flac", "cover")]  # fmt: skip
    first, second, third = torrents
    assert session.torrents == torrents and [t.queue_position for t in torrents] == [0, 1, 2]
    third.set_queue_position("top")
    assert session.torrents == [third, first, second]
    third.set_queue_position("down")
    assert session.torrents == [first, third, second]
    second.set_queue_position("up")
    assert session.torrents == [first, second, third]
    first.set_queue_position("bottom")
    assert session.torrents == [second, third, first]
    first.set_queue_position(1)
    assert session.torrents == [second, first, third]
    for wrong in ("middle", 1.5, None):
        with pytest.raises(ValueError, match="place"):
            first.set_queue_position(wrong)  # type: ignore[arg-type]


def test_a_removed_torrent_can_be_read_and_a_new_one_is_another(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.empty)
    torrent.remove()
    assert torrent.wait("removed", 10).state == "removed"
    assert torrent.name == "album" and torrent.state == "removed" and session.torrents == []
    commands: list[Callable[[], None]] = [torrent.pause, torrent.remove, lambda: torrent.connect(("127.0.0.1", 1))]
    for command in commands:
        with pytest.raises(jst.RemovedError):
            command()
    assert torrent.peers() == [] and torrent.status().num_peers == 0 and len(torrent.files()) == 3
    again = session.add(payload.metainfo, payload.empty)
    assert again != torrent and again.state != "removed" and torrent.state == "removed"


def test_removing_with_files_deletes_ours_and_nothing_else(session: jst.Session, payload: Payload) -> None:
    (payload.directory / "mine.txt").write_text("keep")
    torrent = session.add(payload.metainfo, payload.directory)
    torrent.wait_complete(20)
    torrent.remove(delete_files=True)
    torrent.wait("removed", 10)
    assert [path.name for path in payload.directory.rglob("*") if path.is_file()] == ["mine.txt"]


def test_bans_are_told_and_lifted(session: jst.Session) -> None:
    session.ban("192.0.2.7", 60)
    session.ban("2001:db8::1")
    bans = {ban.host: ban for ban in session.bans()}
    assert set(bans) == {"192.0.2.7", "2001:db8::1"}
    ban = bans["192.0.2.7"]
    assert ban.until_at is not None and ban.until_at - ban.since_at == pytest.approx(60, abs=2)
    session.unban("192.0.2.7")
    assert [ban.host for ban in session.bans()] == ["2001:db8::1"]
    with pytest.raises(jst.ParseError):
        session.ban("example.org")


def test_listening_and_a_port_that_is_taken(open_session: SessionMaker) -> None:
    assert open_session().listen_port is None
    first = open_session(listen=["127.0.0.1"])
    assert first.listen_port is not None and first.listen_port > 0
    with pytest.raises(jst.NetworkError) as caught:
        open_session(listen=["127.0.0.1"], listen_port=first.listen_port)
    assert caught.value.code == "address_in_use"
    assert caught.value.address == ("127.0.0.1", first.listen_port)


def test_a_state_dir_brings_everything_back_and_is_used_once(
    open_session: SessionMaker, payload: Payload, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    session = open_session(state)
    torrent = session.add(payload.metainfo, payload.directory, priorities={"*.jpg": 7})
    torrent.wait_complete(20)
    with pytest.raises(jst.Error) as caught:
        open_session(state)
    assert caught.value.code == "state_dir_in_use" and str(state) in str(caught.value)
    session.save()
    assert session.close()
    back = open_session(state)
    (again,) = back.torrents
    assert again.metainfo == payload.metainfo and again.save_path == payload.directory
    status = again.wait_complete(20)
    assert status.added_at == torrent.status().added_at
    assert {f.path.name: f.priority for f in again.files()}["front.jpg"] == 7


def test_transitions_go_to_logging(session: jst.Session, payload: Payload, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "jstorrent"), jst.Session(jst.Settings(listen=())) as logged:
        logged.add(payload.metainfo, payload.directory).wait_complete(20)
    lines = [record.getMessage() for record in caplog.records if record.name == "jstorrent"]
    assert any(line.startswith("album: queued -> ") for line in lines)
    assert any(line.endswith("-> seeding") for line in lines)


def test_moving_and_renaming_are_done_or_refused_clearly(torrent: jst.Torrent, tmp_path: Path) -> None:
    torrent.stop()
    for command, arguments in ((torrent.move, (tmp_path / "other",)), (torrent.rename_file, ("one.flac", "uno.flac"))):
        try:
            command(*arguments)
        except jst.Error as error:
            assert error.code == "not_supported"
    with pytest.raises(ValueError, match="names 2 files"):
        torrent.rename_file("*.flac", "x")


def test_paths_that_are_not_utf8_and_resume_files_that_are_not_there_are_refused_clearly(
    session: jst.Session, payload: Payload, tmp_path: Path
) -> None:
    with pytest.raises(jst.Error, match="not UTF-8") as told:
        session.add(payload.metainfo, tmp_path / "caf\udce9")
    assert told.value.code == "not_supported"
    with pytest.raises(jst.DiskError) as missing:
        session.add(tmp_path / "none.fastresume", tmp_path)
    assert missing.value.code == "not_found"


@pytest.mark.parametrize("wrong", [None, 5, ("1.2.3.4",), ("::1", 5, 0, 0), b"1.2.3.4:5"])
def test_what_is_no_address_is_told_what_one_is(torrent: jst.Torrent, wrong: Any) -> None:
    with pytest.raises(TypeError, match="host, port"):
        torrent.connect(wrong)
