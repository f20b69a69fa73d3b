"""Resume files that libtorrent writes, as sources: what the user had chosen is taken, what the file claims to have is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jstorrent as jst
import pytest
from jstorrent._fastresume import load_fastresume

from tests.support.files import write_file

lt = pytest.importorskip("libtorrent")

PIECE = 16384
FILES = {"data/a.bin": 5 * PIECE, "data/b.bin": 3 * PIECE + 77}


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, jst.Metainfo]:
    """The files, and their torrent."""
    for n, (name, size) in enumerate(FILES.items()):
        write_file(tmp_path / "have" / name, size, n)
    return tmp_path / "have", jst.create_torrent(tmp_path / "have" / "data", piece_length=PIECE)


def resume_of(metainfo: jst.Metainfo, path: Path, *, with_info: bool = True, **fields: Any) -> Path:
    """What the installed libtorrent writes for such a torrent."""
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(lt.bdecode(metainfo.encode()))
    params.info_hashes = params.ti.info_hashes()
    params.save_path = "/somewhere/else"
    params.have_pieces = [True] * metainfo.num_pieces
    params.trackers = ["http://one.example/announce", "udp://two.example:80/announce"]
    params.tracker_tiers = [0, 1]
    for name, value in fields.items():
        setattr(params, name, value)
    body = lt.write_resume_data(params)
    if not with_info:
        body.pop(b"info", None)
    path.write_bytes(lt.bencode(body))
    return path


@pytest.fixture
def session() -> Any:
    with jst.Session(jst.Settings(listen=(), dht=False, pex=False, lsd=False)) as session:
        yield session


def ready(t: jst.Torrent) -> jst.Torrent:
    t.wait(lambda status: status.state in ("downloading", "stalled", "seeding", "stopped"), 20)
    return t


def test_a_resume_file_brings_the_torrent_and_its_trackers(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    where, metainfo = source
    t = session.add(resume_of(metainfo, tmp_path / "x.fastresume"), where)
    t.wait("seeding", 20)
    assert t.info_hash == metainfo.info_hash
    assert [tracker.url for tracker in t.trackers()] == ["http://one.example/announce", "udp://two.example:80/announce"]


def made_by_libtorrent(where: Path, flags: int) -> jst.Metainfo:
    storage = lt.file_storage()
    for name, size in FILES.items():
        storage.add_file(name, size)
    creator = lt.create_torrent(storage, PIECE, flags)
    lt.set_piece_hashes(creator, str(where))
    return jst.Metainfo.parse(lt.bencode(creator.generate()))


@pytest.mark.parametrize("beside", [False, True])
def test_a_hybrid_torrent_needs_no_piece_layers(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path, beside: bool
) -> None:
    metainfo = made_by_libtorrent(source[0], 0)
    resume = resume_of(metainfo, tmp_path / "x.fastresume", with_info=not beside, file_priorities=[4, 4, 7])
    assert b"piece layers" not in resume.read_bytes()
    if beside:  # as qBittorrent keeps it
        (tmp_path / "x.torrent").write_bytes(b"d4:info" + metainfo.info_bytes + b"e")
    t = session.add(resume, source[0])
    t.wait("seeding", 20)
    assert (t.info_hash, t.info_hash_v2) == (metainfo.info_hash, metainfo.info_hash_v2)
    assert t.metainfo is not None and t.metainfo.version == "hybrid"
    assert [file.priority for file in t.files()] == [4, 4, 7]


def test_a_v2_torrent_is_refused_for_what_it_is(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    metainfo = made_by_libtorrent(source[0], lt.create_torrent.v2_only)
    with pytest.raises(jst.Error) as refused:
        session.add(resume_of(metainfo, tmp_path / "x.fastresume"), source[0])
    assert refused.value.code == "not_supported"


def test_its_have_bits_are_not_believed(session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path) -> None:
    where, metainfo = source
    resume = resume_of(metainfo, tmp_path / "x.fastresume")
    t = ready(session.add(resume, tmp_path / "empty"))
    assert t.status().pieces_complete == 0
    t.remove()
    t.wait("removed", 10)
    with (where / "data" / "a.bin").open("r+b") as file:
        file.write(b"\0" * 100)
    t = ready(session.add(resume, where))
    assert t.status().pieces_complete == metainfo.num_pieces - 1 and t.piece(0).state == "missing"


def test_it_finds_more_than_the_resume_file_knows(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    where, metainfo = source
    t = session.add(resume_of(metainfo, tmp_path / "x.fastresume", have_pieces=[]), where)
    t.wait("seeding", 20)


def test_priorities_order_and_peers_are_taken(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    _, metainfo = source
    resume = resume_of(
        metainfo, tmp_path / "x.fastresume", file_priorities=[0, 7], peers=[("10.1.2.3", 4567)],
        flags=lt.torrent_flags.sequential_download,
    )  # fmt: skip
    t = ready(session.add(resume, tmp_path / "to"))
    assert [file.priority for file in t.files()] == [0, 7]
    assert t.status().num_known == 1
    assert load_fastresume(resume).sequential


@pytest.mark.parametrize(("flags", "state"), [("paused", "stopped"), ("auto", "stalled"), ("none", "stalled")])
def test_what_was_paused_by_hand_is_stopped(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path, flags: str, state: str
) -> None:
    _, metainfo = source
    words = {
        "paused": lt.torrent_flags.paused,
        "auto": lt.torrent_flags.paused | lt.torrent_flags.auto_managed,
        "none": lt.torrent_flags.default_flags & ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed),
    }
    t = session.add(resume_of(metainfo, tmp_path / "x.fastresume", flags=words[flags]), tmp_path / "to")
    t.wait(state, 20)


def test_the_torrent_may_lie_beside_it_or_be_known_by_its_hash_only(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    where, metainfo = source
    resume = resume_of(metainfo, tmp_path / "x.fastresume", with_info=False)
    t = session.add(resume, where, stopped=True)
    assert t.metainfo is None and t.info_hash == metainfo.info_hash
    t.remove()
    t.wait("removed", 10)
    metainfo.save(tmp_path / "x.torrent")
    session.add(resume, where).wait("seeding", 20)


def test_the_metadata_of_another_torrent_is_refused(
    session: jst.Session, source: tuple[Path, jst.Metainfo], tmp_path: Path
) -> None:
    where, metainfo = source
    resume = resume_of(metainfo, tmp_path / "x.fastresume", with_info=False)
    jst.create_torrent(where / "data" / "a.bin", piece_length=PIECE).save(tmp_path / "x.torrent")
    with pytest.raises(jst.ParseError, match="another torrent"):
        session.add(resume, where)


def test_damage_never_does_more_than_fail_to_parse(source: tuple[Path, jst.Metainfo], tmp_path: Path) -> None:
    _, metainfo = source
    path = tmp_path / "x.fastresume"
    whole = resume_of(metainfo, path).read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(jst.ParseError):
            load_fastresume(path)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            found = load_fastresume(path)
        except jst.ParseError:
            continue
        assert found.source.info_hash is not None or found.source.info_hash_v2 is not None


def test_the_resume_file_of_a_hybrid_needs_no_piece_layers(session: jst.Session, tmp_path: Path) -> None:
    write_file(tmp_path / "have" / "data", 3 * PIECE, 1)
    files = lt.file_storage()
    files.add_file("data", 3 * PIECE)
    maker = lt.create_torrent(files, PIECE)
    lt.set_piece_hashes(maker, str(tmp_path / "have"))
    metainfo = jst.Metainfo.parse(lt.bencode(maker.generate()))
    assert metainfo.version == "hybrid"
    t = session.add(resume_of(metainfo, tmp_path / "hybrid.fastresume"), tmp_path / "have")
    assert ready(t).state == "seeding"
