"""The command line and the sockets: two peers of ours talk to each other over loopback."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mock_peer._bencode import Malformed, encode
from mock_peer._cli import BROKEN_RULES, FINE, INTERRUPTED, NOBODY, USAGE, main
from mock_peer.tcp import Loop
from mock_peer.torrent import MadeUp, OnDisk, raw_info

MADE_UP = ["--made-up", "4x32768"]


class Listener:
    """`python -m mock_peer --listen` in a process of its own."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "mock_peer", "--listen", "127.0.0.1:0", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # A suite in the background may have been started with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # noqa: PLW1509  # fmt: skip
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (127\.0\.0\.1:\d+)\n", first)
        assert found, first + self.process.communicate()[1]
        self.address = found[1]

    def end(self, sign: int) -> tuple[int, str]:
        self.process.send_signal(sign)
        out, _ = self.process.communicate(timeout=20)
        return self.process.returncode, out


def run(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    return main(words, out), out.getvalue()


def test_two_of_them_talk_and_ctrl_c_ends_with_a_summary() -> None:
    listener = Listener(*MADE_UP)
    try:
        code, said = run(listener.address, *MADE_UP, "--have", "0-1", "--for", "1")
    finally:
        ended, heard = listener.end(signal.SIGINT)
    assert code == FINE
    for line in ("= open", "> handshake", "< handshake", "< have_all", "> interested", "< unchoke"):
        assert line in said, said
    assert ended == INTERRUPTED
    assert "< interested" in heard
    assert "= open" in heard
    assert heard.splitlines()[-1].startswith("links 1,")


def test_an_engine_downloads_from_one_in_a_shell(tmp_path: Path) -> None:
    jst = pytest.importorskip("jstorrent")
    torrent = tmp_path / "made-up.torrent"
    listener = Listener(
        "--made-up", "8x32768", "--write-torrent", str(torrent), "--behave", '{"kind": "late", "seconds": 0.1}'
    )
    try:
        settings = jst.Settings(listen=("127.0.0.1",), dht=False, lsd=False, port_mapping=False)
        with jst.Session(settings) as session:
            t = session.add(jst.Metainfo.load(torrent), tmp_path, peers=[listener.address])
            t.wait(timeout=30)
            assert t.state == "seeding"
    finally:
        _, said = listener.end(signal.SIGINT)
    assert (tmp_path / "made-up").stat().st_size == 8 * 32768
    assert said.count("> piece ") == 16
    assert "rule broken" not in said


def test_a_subject_that_breaks_rules_is_an_exit_code() -> None:
    bad = json.dumps({"kind": "malformed", "bytes": "0000000163"})
    listener = Listener(*MADE_UP, "--behave", bad, "--quiet")
    try:
        code, said = run(listener.address, *MADE_UP, "--for", "1", "--quiet")
    finally:
        listener.end(signal.SIGTERM)
    assert code == BROKEN_RULES
    assert "rule broken: no message has the number 99" in said


def test_nobody_there() -> None:
    assert run("127.0.0.1:1", *MADE_UP)[0] == NOBODY
    code, said = run("--listen", "127.0.0.1:0", "--for", "0.01")
    assert code == NOBODY
    assert said.startswith("listening on 127.0.0.1:")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "either HOST:PORT"),
        (["localhost"], "not HOST:PORT"),
        (["127.0.0.1:99999"], "not HOST:PORT"),
        (["127.0.0.1:1", "--behave", "corupt"], "known: corrupt"),
        (["127.0.0.1:1", "--behave", "{"], "not JSON"),
        (["127.0.0.1:1", "--handshake", '{"fats": 1}'], "known: send"),
        (["127.0.0.1:1", "--handshake", '{"delay": "2"}'], "not supported between"),
        (["127.0.0.1:1", "--handshake", '{"dribble": 5}'], "not iterable"),
        (["127.0.0.1:1", "--auto", "claim"], "known: all, claims"),
        (["127.0.0.1:1", "--made-up", "4", "--have", "4"], "there are 4"),
        (["127.0.0.1:1", "--made-up", "4", "--torrent", "x"], "either --torrent"),
        (["127.0.0.1:1", "--torrent", "/does/not/exist"], "No such file"),
    ],
)
def test_wrong_usage_says_why(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words)[0] == USAGE
    assert why in capsys.readouterr().err


def test_help_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "choke_with_outstanding" in capsys.readouterr().out


def test_a_reader_that_goes_changes_no_verdict() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        assert main(["127.0.0.1:1", "--made-up", "4", "--for", "0.1"], out) == NOBODY


def test_a_made_up_torrent_and_its_files_are_the_same_truth(tmp_path: Path) -> None:
    made = MadeUp(pieces=3, piece_length=100, seed=5, name="x")
    (tmp_path / "x").write_bytes(b"".join(made.data(piece, 0, 100) for piece in range(3)))
    for below in (tmp_path, tmp_path / "x"):
        found = OnDisk(made.torrent, below)
        assert (found.info_hash, found.num_pieces, found.metadata) == (made.info_hash, 3, made.metadata)
        assert found.data(2, 10, 90) == made.data(2, 10, 90)
    assert OnDisk(made.torrent, None).data(0, 0, 5) == bytes(5)


def test_pieces_may_lie_over_many_files(tmp_path: Path) -> None:
    files = [("a", b"aaaaa"), ("empty", b""), ("deep/b", b"bbbbbbb")]
    entries: list[dict[str, Any]] = [{"length": len(data), "path": path.split("/")} for path, data in files]
    entries.insert(1, {"length": 3, "path": [".pad", "3"], "attr": "p"})
    info = {"name": "t", "piece length": 8, "pieces": bytes(40), "files": entries}
    for path, data in files:
        (tmp_path / "t" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / path).write_bytes(data)
    truth = OnDisk(encode({"info": info, "a": 1}), tmp_path)
    assert truth.data(0, 0, 8) + truth.data(1, 0, 7) == b"aaaaa\0\0\0bbbbbbb"
    assert [truth.piece_size(0), truth.piece_size(1)] == [8, 7]


@pytest.mark.parametrize("torrent", [b"", b"le", b"de", b"d4:infoi1ee", encode({"info": {"pieces": b"", "piece length": 0}}),
                                     encode({"info": {"pieces": b"", "piece length": 9, "length": 1, "name": "x"}}),
                                     encode({"info": {"pieces": b"", "piece length": 9, "length": 0, "name": ".."}})])  # fmt: skip
def test_what_is_no_torrent_is_refused(torrent: bytes) -> None:
    with pytest.raises(Malformed):
        OnDisk(torrent, None)


def test_the_info_is_the_bytes_that_were_hashed() -> None:
    assert raw_info(b"d1:a1:b4:infod1:b0:1:a0:ee") == b"d1:b0:1:a0:e"


class Told:
    """Facts as a list."""

    def __init__(self) -> None:
        self.facts: list[tuple[Any, ...]] = []
        self.came = threading.Condition()

    def __getattr__(self, name: str) -> Any:
        def tell(*words: Any) -> None:
            with self.came:
                self.facts.append((name, *words))
                self.came.notify_all()

        return tell

    def wait(self, loop: Loop, name: str) -> tuple[Any, ...]:
        for _ in range(200):
            for fact in self.facts:
                if fact[0] == name:
                    self.facts.remove(fact)
                    return fact
            loop.run_once(0.05)
        raise AssertionError(f"no {name}: {self.facts}")


@pytest.mark.parametrize(("how", "error"), [("fin", "end_of_stream"), ("rst", "connection_reset")])
def test_sockets_carry_bytes_and_ends(how: str, error: str) -> None:
    loop = Loop()
    a, b = loop.transport("127.0.0.1"), loop.transport("127.0.0.1")
    at_a, at_b = Told(), Told()
    a.tell(at_a)
    b.tell(at_b)
    link = b.connect(("127.0.0.1", a.listen(0)), 0)
    number = at_a.wait(loop, "accepted")[1]
    assert at_b.wait(loop, "connected")[1] == link
    a.pause(number, True)
    b.send(link, bytes(8 << 20))
    assert b.unsent(link) > 0
    b.tell_below(link, 1 << 20)
    loop.run_once(0.05)
    assert at_b.facts == []
    a.pause(number, False)
    at_b.wait(loop, "drained")
    a.send(number, b"back")
    assert at_b.wait(loop, "received")[1:] == (link, b"back")
    while b.unsent(link):
        loop.run_once(0.05)
    b.close(link, how)
    assert at_a.wait(loop, "closed")[1:] == (number, error)
    loop.close()


def test_a_black_hole_says_nothing_and_a_thread_may_run_the_loop() -> None:
    loop = Loop()
    a, b = loop.transport("127.0.0.1"), loop.transport("127.0.0.1")
    at_a, at_b = Told(), Told()
    a.tell(at_a)
    b.tell(at_b)
    loop.start()
    with loop.lock:
        link = b.connect(("127.0.0.1", a.listen(0)), 0)
        b.timer(loop.clock(), 5)
    with at_b.came:
        assert at_b.came.wait_for(lambda: ("timer", 5) in at_b.facts and len(at_b.facts) == 2, 10)
    with loop.lock:
        b.close(link, "blackhole")
        b.send(link, b"x")
        a.timer(loop.clock() + 0.05, 7)
    with at_a.came:
        assert at_a.came.wait_for(lambda: ("timer", 7) in at_a.facts, 10)
    assert [fact[0] for fact in at_a.facts] == ["accepted", "timer"]
    loop.close()
    assert loop.error is None
