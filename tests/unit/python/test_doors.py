"""The doors of an engine: many threads, Ctrl-C, fork, the end of the process, sessions that nobody closed."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import jstorrent as jst
import pytest
from jstorrent import _core

from tests.support.sanitizers import times_mean_nothing
from tests.support.threads import tasks, tasks_left
from tests.unit.python.conftest import Payload, SessionMaker

HEAD = """
import os, signal, sys, time
import jstorrent as jst
session = jst.Session(jst.Settings(listen=(), close_timeout=1.0))
"""


def child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-X", "dev", "-c", HEAD + script, *arguments], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            # A suite in the background may have been started with Ctrl-C ignored.
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip # noqa: PLW1509 - no lock


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it says to its end. Not communicate(): that misses what readline() has taken into its buffer."""
    assert process.stdout is not None and process.stderr is not None
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        said = process.stdout.read(), process.stderr.read()
        process.wait(30)
    finally:
        watchdog.cancel()
    return said


def test_commands_and_reads_from_many_threads_are_all_answered(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    start, wrong = threading.Barrier(8), []

    def work(number: int) -> None:
        start.wait()
        for turn in range(100):
            torrent.set_piece_priority(number, turn % 8)
            if session.find(payload.metainfo.info_hash or b"") != torrent or torrent.piece(number).index != number:
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong and session.is_healthy()


def test_what_a_thread_reads_next_includes_its_command(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.empty, stopped=True)
    for priority in (0, 7, 4):
        torrent.set_file_priority("one.flac", priority)
        assert {f.path.name: f.priority for f in torrent.files()}["one.flac"] == priority


INTERRUPTED = """
source, where = sys.argv[1:]
torrent = session.add(source, where)
began = []
def late(*_):
    began.append(time.perf_counter())
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, late)
def wait():
    {wait}
try:
    print("ready", flush=True)
    wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(session.close(), flush=True)
"""


@times_mean_nothing
@pytest.mark.parametrize("wait", ["torrent.wait()", "session.events(jst.PieceCompleted).get()", "list(torrent.watch(60))",
                                  "torrent.wait(lambda status: False)"])  # fmt: skip
def test_ctrl_c_gets_through_a_wait_within_a_fifth_of_a_second(wait: str, payload: Payload, tmp_path: Path) -> None:
    source = tmp_path / "t.torrent"
    payload.metainfo.save(source)
    process = child(INTERRUPTED.format(wait=wait), str(source), str(payload.empty))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"
    took = time.perf_counter() - sent
    out, err = finished(process)
    assert took < 0.2, f"{took:.3f} s"
    assert out == "True\n" and process.returncode == 0, err


def test_ctrl_c_while_closing_cuts_off_and_gets_through(tmp_path: Path) -> None:
    script = """
import threading
inner = session._engine
class Slow:
    def __getattr__(self, name):
        return getattr(inner, name)
    def begin_close(self, timeout):
        if timeout == 0.0:
            return inner.begin_close(timeout)
        print("closing", flush=True)
        return session.events()._core
session._engine = Slow()
try:
    session.close(timeout=60)
except KeyboardInterrupt:
    print("interrupted", session.close(), inner.has_ended)
"""
    process = child(script)
    assert process.stdout is not None and process.stdout.readline() == "closing\n"
    process.send_signal(signal.SIGINT)
    out, err = finished(process)
    assert out.startswith("interrupted") and out.endswith("True\n"), err


def test_a_forked_child_is_told_so_and_does_not_hang(payload: Payload, session: jst.Session) -> None:
    torrent = session.add(payload.metainfo, payload.empty)
    stream = session.events()
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        codes = []
        for call in (session.status, session.is_healthy, torrent.status, torrent.pause, stream.get, torrent.wait,
                     session.save, lambda: session.now):  # fmt: skip
            try:
                call()
                codes.append("none")
            except jst.Error as error:
                codes.append(error.code)
        codes.append(str(session.close()))
        stream.close()
        os.write(write_end, " ".join(codes).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as answers:
        assert answers.read().split() == ["forked"] * 8 + ["False"]
    assert os.waitpid(pid, 0)[1] == 0
    assert torrent.state != "removed" and session.is_healthy()


def test_a_forked_child_ends_normally() -> None:
    process = child("""
pid = os.fork()
if pid == 0:
    del session
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), session.close())
""")
    out, err = finished(process)
    assert out == "7 True\n", err


def test_the_end_of_the_process_closes_open_sessions() -> None:
    process = child("""
import atexit
session._end, end = (lambda: (end(), print("closed", session._is_clean, flush=True))), session._end
""")
    out, err = finished(process)
    assert out == "closed True\n" and process.returncode == 0, err
    assert "Traceback" not in err


def test_an_unclosed_session_warns_and_ends(payload: Payload) -> None:
    before = tasks()
    session = jst.Session(jst.Settings(listen=(), close_timeout=600.0))
    session.add(payload.metainfo, payload.empty)
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del session
        gc.collect()
    assert [w.category for w in caught if "unclosed <Session" in str(w.message)] == [ResourceWarning]
    assert time.perf_counter() - began < 300.0  # it waits for nothing that close() would wait for
    assert not tasks_left(before)


def test_a_closed_session_does_not_warn() -> None:
    session = jst.Session(jst.Settings(listen=()))
    session.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del session
        gc.collect()


def test_close_is_safe_twice_and_from_two_threads(open_session: SessionMaker) -> None:
    session = open_session()
    answers: list[bool] = []
    start = threading.Barrier(2)

    def close() -> None:
        start.wait()
        answers.append(session.close())

    threads = [threading.Thread(target=close) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [True, True] and session.close() is True


def test_nothing_of_a_session_is_left_after_close(payload: Payload) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    jst.Session(jst.Settings(listen=["127.0.0.1"])).close()
    before = descriptors(), tasks()
    sessions = [jst.Session(jst.Settings(listen=["127.0.0.1"])) for _ in range(5)]
    for session in sessions:
        session.add(payload.metainfo, payload.directory).wait_complete(20)
        assert session.close()
    assert not tasks_left(before[1]) and descriptors() == before[0]


def test_a_closed_session_still_answers(session: jst.Session, payload: Payload) -> None:
    torrent = session.add(payload.metainfo, payload.directory)
    torrent.wait_complete(20)
    removed = session.add(jst.create_torrent(payload.directory / "album" / "one.flac"), payload.empty, stopped=True)
    removed.remove()
    removed.wait("removed", 10)
    before = (torrent.pieces(), torrent.files(), session.settings, torrent.trackers())
    assert session.close()
    assert (torrent.pieces(), torrent.files(), session.settings, torrent.trackers()) == before
    assert torrent.status().is_complete and torrent.peers(all=True) == [] and torrent.availability() == [0] * 12
    assert torrent.piece(11).state == "complete" and torrent.name == "album" and removed.state == "removed"
    assert session.torrents == [torrent] and session.find(payload.metainfo.info_hash or b"") == torrent
    status = session.status()
    rest = {k: v for k, v in status.to_dict().items() if k not in ("time", "counters", "totals", "memory", "memory_peak")}
    assert set(rest.values()) == {0}
    assert session.is_healthy() and session.now > 0 and session.listen_port is None
    assert torrent.wait_complete(0).is_complete
    for call in (torrent.pause, session.save, lambda: session.add(payload.metainfo, payload.empty)):
        with pytest.raises(jst.Error) as caught:
            call()
        assert caught.value.code == "closed"


def test_now_goes_on_without_being_asked_of_the_engine(session: jst.Session) -> None:
    times = [session.now for _ in range(1000)]
    assert times == sorted(times) and times[-1] > times[0]


def test_a_broken_rule_is_told_and_the_session_goes_on(session: jst.Session, torrent: jst.Torrent) -> None:
    assert session.is_healthy()
    with pytest.raises(jst.Error) as caught:
        _core.lab.break_rule(session._engine)
    assert caught.value.code == "internal"
    assert not session.is_healthy()
    torrent.status()
    assert isinstance(session.close(), bool)


def test_a_dead_engine_still_says_that_it_is_not_well(session: jst.Session, torrent: jst.Torrent) -> None:
    stream = session.events()
    waiting, codes = threading.Barrier(2), []

    def wait() -> None:
        waiting.wait()
        try:
            torrent.wait(timeout=20)
        except jst.Error as error:
            codes.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait()
    with pytest.raises(jst.Error) as caught:
        _core.lab.kill_engine(session._engine)
    assert caught.value.code == "closed"
    thread.join(10)
    assert codes == ["closed"]
    assert not session.is_healthy() and session.now > 0
    with pytest.raises(jst.Error):
        session.status()
    assert list(stream) is not None and session.close() is False


def test_steps_in_the_queue_from_many_threads_are_all_taken(tmp_path: Path) -> None:
    with jst.Session(jst.Settings(listen=())) as session:
        ts = [session.add(f"magnet:?xt=urn:btih:{n + 1:040x}", tmp_path, stopped=True) for n in range(41)]
        steps = [threading.Thread(target=lambda: [ts[0].set_queue_position("down") for _ in range(10)]) for _ in range(4)]
        for step in steps:
            step.start()
        for step in steps:
            step.join()
        assert ts[0].queue_position == 40
        ts[0].set_queue_position("down")
        ts[1].set_queue_position("up")
        assert (ts[0].queue_position, ts[1].queue_position) == (40, 0)


def test_a_forked_child_with_a_session_of_its_own_ends_normally() -> None:
    process = child("""
pid = os.fork()
if pid == 0:
    with jst.Session(jst.Settings(listen=())):
        pass
    del session
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), session.close())
""")
    out, err = finished(process)
    assert out == "7 True\n", err


def test_the_end_of_the_process_does_not_mind_threads_that_wait() -> None:
    process = child("""
import threading
begun = threading.Barrier(3)
def ask():
    begun.wait()
    while True:
        try:
            session.status()
        except jst.Error:
            pass
def listen():
    begun.wait()
    while True:
        session.events().get()
for work in (ask, listen):
    threading.Thread(target=work, daemon=True).start()
begun.wait()
for _ in range(100):
    session.status()
""")
    finished(process)
    assert process.returncode == 0


def test_a_session_is_not_copied(session: jst.Session) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            attempt(session)


def test_only_signals_of_its_own_doing_reach_the_engine_s_thread(session: jst.Session) -> None:
    """Others are for Python's threads; but who blocks the signal of a fault of its own ends the process unheard."""
    mine = next(task for task in tasks() if (Path(f"/proc/self/task/{task}") / "comm").read_text().strip() == "jst-engine")
    status = Path(f"/proc/self/task/{mine}/status").read_text(encoding="ascii")
    blocked = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), 16)
    own = {signal.SIGBUS, signal.SIGSEGV, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT}
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        assert bool(blocked >> (number - 1) & 1) == (number not in own), signal.Signals(number)
