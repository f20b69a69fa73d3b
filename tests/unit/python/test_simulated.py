"""The same Session over a node of a simulated world: the calling thread is the engine thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import jstorrent as jst
import pytest
from jstorrent import _core

from tests.unit.python.conftest import Payload

_opened: list[jst.Session] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes every session of a test."""
    yield
    while _opened:
        _opened.pop().close(timeout=0)


def over(world: _core.lab.World, node: int, hook: Callable[[], None] | None = None) -> jst.Session:
    values = jst.Settings(listen=(world.host(node),), listen_port=6881)
    session = jst.Session._over(_core.Engine.start_in(world, node, values._values(), ""), hook)
    _opened.append(session)
    return session


def write_files(world: _core.lab.World, node: int, payload: Payload) -> None:
    for file in payload.metainfo.files:
        world.disk_write(node, f"/data/{file.path}", 0, (payload.directory / file.path).read_bytes())


@pytest.fixture
def world() -> _core.lab.World:
    world = _core.lab.World(7)
    for number in range(2):
        world.add_node(f"node{number}", f"10.0.0.{number + 1}")
    return world


def test_constructing_and_reading_move_no_time(world: _core.lab.World, payload: Payload) -> None:
    session = over(world, 0)
    before = world.fingerprint
    torrent = session.add(payload.metainfo, "/data", stopped=True)
    after = world.fingerprint
    for _ in range(10):
        torrent.status(), session.status(), session.bans(), torrent.pieces()
    assert after != before and world.fingerprint == after and world.now == 0.0
    assert session.now == 0.0 and session.listen_port == 6881


def test_waits_run_the_world_and_their_time_outs_are_virtual(world: _core.lab.World, payload: Payload) -> None:
    session = over(world, 0)
    torrent = session.add(payload.metainfo, "/data")
    start = world.now
    with pytest.raises(jst.TimeoutError, match="after 3600 s"):
        torrent.wait(timeout=3600)
    assert world.now == pytest.approx(start + 3600)
    assert session.events().get(timeout=10) is None
    assert world.now == pytest.approx(start + 3610)
    with pytest.raises(jst.TimeoutError):
        torrent.wait(lambda status: False, timeout=5)
    assert world.now == pytest.approx(start + 3615)


def test_a_download_between_two_nodes(world: _core.lab.World, payload: Payload) -> None:
    seed, leech = over(world, 0), over(world, 1)
    write_files(world, 0, payload)
    seed.add(payload.metainfo, "/data").wait_complete(60)
    told = leech.events(jst.StateChanged, timeout=1)
    torrent = leech.add(payload.metainfo, "/data")
    torrent.connect(("10.0.0.1", 6881))
    torrent.wait(lambda status: status.num_peers == 1, 10)
    assert torrent.peers()[0].address == ("10.0.0.1", 6881)
    assert torrent.wait_complete(600).pieces_complete == 12
    assert [event.new for event in told][-1] == "seeding"
    assert leech.close() and seed.close()
    assert leech.close() and torrent.status().num_peers == 0 and not world.attached(0)


def test_async_forms_are_refused(world: _core.lab.World, payload: Payload) -> None:
    session = over(world, 0)
    torrent = session.add(payload.metainfo, "/data")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="simulated"):
            await torrent.wait_async()
        with pytest.raises(RuntimeError, match="simulated"):
            await anext(session.events().__aiter__())
        with pytest.raises(RuntimeError, match="simulated"):
            [status async for status in torrent.watch()]
        with pytest.raises(RuntimeError, match="simulated"):
            async with session:
                pass

    asyncio.run(main())
    torrent.stop()  # which says "closed" where that cut the session off
    assert session.close()


def test_a_hook_is_called_after_each_round_of_a_wait(world: _core.lab.World, payload: Payload) -> None:
    times: list[float] = []
    session = over(world, 0, lambda: times.append(world.now))
    torrent = session.add(payload.metainfo, "/data")
    with pytest.raises(jst.TimeoutError):
        torrent.wait("seeding", timeout=60)
    assert len(times) >= 2 and times == sorted(times)


def test_after_a_crash_old_handles_answer_removed(world: _core.lab.World, payload: Payload) -> None:
    session = over(world, 0)
    torrent = session.add(payload.metainfo, "/data")
    torrent.wait(lambda status: status.state != "checking", 10)
    world.abandon(0)
    session._engine.shut(are_removed=True)
    assert torrent.state == "removed" and torrent.name == "album" and session.torrents == []
    with pytest.raises(jst.Error):
        torrent.pause()
    again = over(world, 0)
    assert again.add(payload.metainfo, "/data").state != "removed"


def test_two_worlds_of_one_seed_go_the_same_way(payload: Payload) -> None:
    def run(seed: int) -> int:
        world = _core.lab.World(seed)
        for number in range(2):
            world.add_node(f"node{number}", f"10.0.0.{number + 1}")
        sessions = [over(world, number) for number in range(2)]
        write_files(world, 0, payload)
        sessions[0].add(payload.metainfo, "/data").wait_complete(60)
        sessions[1].add(payload.metainfo, "/data", peers=[("10.0.0.1", 6881)]).wait_complete(600)
        return int(world.fingerprint)

    assert run(1) == run(1) != run(2)
