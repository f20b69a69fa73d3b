"""Waiting: conditions, errors, time-outs; blocking and in asyncio."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent import _waiting

from tests.unit.python.conftest import Payload, SessionMaker


def test_unknown_words_and_wrong_arguments(torrent: jst.Torrent) -> None:
    with pytest.raises(ValueError, match="done.*complete, metadata, queued"):
        torrent.wait("done")
    with pytest.raises(TypeError, match="word or a function"):
        torrent.wait(7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nan"):
        torrent.wait("complete", float("nan"))
    with pytest.raises(ValueError, match="interval"):
        torrent.watch(0)
    for piece in (-1, 12):
        with pytest.raises(IndexError, match="12"):
            torrent.wait_piece(piece, 1)
    with pytest.raises(TypeError):
        torrent.wait(piece=True)


def test_what_holds_already_is_answered_at_once(torrent: jst.Torrent) -> None:
    assert torrent.wait_metadata(0).num_pieces == 12
    torrent.stop()
    assert torrent.wait("stopped", 10).state == "stopped"
    assert torrent.wait("stopped", 0).state == "stopped"


def test_a_wait_ends_when_another_thread_makes_it_true(torrent: jst.Torrent) -> None:
    torrent.stop()
    torrent.wait("stopped", 10)
    waiting = threading.Barrier(2)
    seen: list[str] = []

    def wait() -> None:
        waiting.wait()
        seen.append(torrent.wait(lambda status: status.state != "stopped", 10).state)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    torrent.start()
    thread.join(10)
    assert seen and seen[0] != "stopped"


def test_trusted_files_are_complete_and_every_piece_can_be_waited_for(
    session: jst.Session, payload: Payload
) -> None:
    torrent = session.add(payload.metainfo, payload.directory, trusted=True)
    status = torrent.wait_complete(10)
    assert status.is_complete and status.progress == 1.0 and status.state == "seeding"
    for piece in (0, 11):
        torrent.wait_piece(piece, 10)
        assert torrent.piece(piece).state == "complete"
    assert torrent.wait(piece=5, timeout=0).is_complete


def test_a_check_finds_what_is_there(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.directory)
    assert torrent.wait_complete(20).pieces_complete == 12
    assert [status.is_complete for status in torrent.watch(0.05)][-1]


def test_a_timeout_says_how_things_stand(torrent: jst.Torrent) -> None:
    with pytest.raises(jst.TimeoutError, match="album is not complete after 0.05 s: it is .* 0.0% done") as caught:
        torrent.wait(timeout=0.05)
    assert isinstance(caught.value, TimeoutError) and caught.value.code == "timeout"
    with pytest.raises(jst.TimeoutError, match="as asked"):
        torrent.wait(lambda status: False, timeout=0.05)
    with pytest.raises(jst.TimeoutError):
        torrent.wait("complete", timeout=-1)


def test_an_error_in_a_condition_comes_out_of_the_wait(torrent: jst.Torrent) -> None:
    with pytest.raises(ZeroDivisionError):
        torrent.wait(lambda status: 1 / 0 > 0, timeout=10)


def test_removal_ends_a_wait_unless_it_was_waited_for(session: jst.Session, torrent: jst.Torrent) -> None:
    errors: list[BaseException] = []
    waiting = threading.Barrier(2)

    def wait() -> None:
        waiting.wait()
        try:
            torrent.wait(timeout=10)
        except jst.Error as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    torrent.remove()
    assert torrent.wait("removed", 10).state == "removed"
    thread.join(10)
    assert isinstance(errors[0], jst.RemovedError)
    with pytest.raises(jst.RemovedError):
        torrent.wait(lambda status: False, timeout=10)
    with pytest.raises(jst.RemovedError):
        list(torrent.watch())


def test_closing_ends_a_wait(session: jst.Session, torrent: jst.Torrent) -> None:
    codes: list[str] = []
    waiting = threading.Barrier(2)

    def wait() -> None:
        waiting.wait()
        try:
            torrent.wait(timeout=20)
        except jst.Error as error:
            codes.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    session.close()
    thread.join(10)
    assert codes in (["closed"], ["removed"])
    with pytest.raises(jst.Error) as caught:
        torrent.wait(timeout=5)
    assert caught.value.code == "closed"


# -- asyncio


def test_asyncio_waits_with_others_and_without_threads(session: jst.Session, payload: Payload) -> None:
    async def main() -> None:
        before = threading.active_count()
        torrent = session.add(payload.metainfo, payload.directory)
        done = await asyncio.gather(*(torrent.wait_async("complete", 20) for _ in range(20)))
        assert all(status.is_complete for status in done)
        assert (await torrent.wait_async(lambda status: status.is_complete, 5)).is_complete
        assert (await torrent.wait_async(piece=3)).is_complete
        assert [s.is_complete async for s in torrent.watch(0.01)][-1]
        assert threading.active_count() == before

    asyncio.run(main())


def test_asyncio_timeouts_and_errors_are_the_blocking_ones(torrent: jst.Torrent) -> None:
    async def main() -> None:
        with pytest.raises(jst.TimeoutError, match="after 0.05 s"):
            await torrent.wait_async(timeout=0.05)
        with pytest.raises(jst.TimeoutError):
            await torrent.wait_async(lambda status: False, 0.05)
        waiting = asyncio.ensure_future(torrent.wait_async())
        await asyncio.sleep(0)
        torrent.remove()
        with pytest.raises(jst.RemovedError):
            await waiting

    asyncio.run(main())


def test_cancelling_a_wait_leaves_nothing_behind(torrent: jst.Torrent) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.ensure_future(torrent.wait_async()) for _ in range(50)]
        await asyncio.sleep(0)
        gate = _waiting._gates[loop]
        assert len(gate._futures) == 50
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert gate._futures == {} and not loop.remove_reader(gate.core.fileno())

    asyncio.run(main())


def test_two_loops_wait_for_one_torrent(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.directory, stopped=True)
    ready, seen = threading.Barrier(3), []

    async def wait() -> None:
        task = asyncio.ensure_future(torrent.wait_async("complete", 20))
        await asyncio.sleep(0)
        ready.wait()
        seen.append((await task).is_complete)

    threads = [threading.Thread(target=lambda: asyncio.run(wait())) for _ in range(2)]
    for thread in threads:
        thread.start()
    ready.wait()
    torrent.start()
    for thread in threads:
        thread.join(20)
    assert seen == [True, True]


def test_events_and_sessions_in_asyncio(tmp_path: Path, payload: Payload) -> None:
    async def main() -> None:
        async with jst.Session(jst.Settings(listen=())) as session:
            stream = session.events(jst.StateChanged)
            session.add(payload.metainfo, payload.directory)
            states = []
            async for event in stream:
                states.append(event.new)
                if event.new == "seeding":
                    break
            assert states[-1] == "seeding"
            quiet = session.events(timeout=0.01)
            assert [event async for event in quiet] == []
            reader = asyncio.ensure_future(anext(session.events().__aiter__()))
            await asyncio.sleep(0)
        with pytest.raises(jst.Error) as caught:
            session.add(payload.metainfo, tmp_path)
        assert caught.value.code == "closed"
        with pytest.raises((StopAsyncIteration, RuntimeError)):
            while True:
                await reader
                reader = asyncio.ensure_future(anext(session.events().__aiter__()))

    asyncio.run(main())


def test_one_stream_has_one_asyncio_reader(session: jst.Session) -> None:
    async def main() -> None:
        stream = session.events()
        first = asyncio.ensure_future(anext(stream.__aiter__()))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(stream.__aiter__())
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        stream.close()
        assert [event async for event in stream] == []

    asyncio.run(main())


def test_waits_that_nobody_holds_are_forgotten(open_session: SessionMaker, payload: Payload) -> None:
    session = open_session()
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    for _ in range(1000):
        with pytest.raises(jst.TimeoutError):
            torrent.wait("error", timeout=0)
        session.events().close()
    assert torrent.state == "stopped"


def test_a_function_is_asked_once_more_when_the_session_is_closed(session: jst.Session, torrent: jst.Torrent) -> None:
    for condition in (lambda status: not session.close(), lambda status: False):
        with pytest.raises(jst.Error) as told:
            torrent.wait(condition, 20)
        assert told.value.code == "closed"
    assert torrent.wait(lambda status: True, 20).num_pieces == 12


def test_complete_is_waited_for_until_a_recheck_has_proven_it(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.directory)
    assert torrent.wait_complete(30).state == "seeding"
    torrent.recheck()
    status = torrent.wait_complete(30)
    assert (status.state, status.pieces_complete, status.is_complete) == ("seeding", 12, True)
    torrent.recheck()
    assert [status.is_complete for status in torrent.watch(10)][-1]
    (payload.directory / "album" / "one.flac").write_bytes(bytes(100_000))
    torrent.recheck()
    with pytest.raises(jst.TimeoutError):
        torrent.wait_complete(0.5)
    assert torrent.wait("stalled", 30).pieces_complete < 12
