"""TLS at the seam, against Python's: whom it trusts, and that bytes come through in any slicing."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.conformance.harness import World
from tests.support.tls import AUTHORITY, TlsServer


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    return World("asio")


def secure(world: World, server: TlsServer, host: str = "localhost") -> tuple[str, str, int]:
    """Error, reason and stream of a handshake."""
    dialled = world.done(world.host.connect(server.address))
    assert dialled.error == "ok"
    done = world.done(world.host.secure(dialled.value, host))
    return str(done.error), str(done.data), int(done.value)


def echo(sock: ssl.SSLSocket) -> None:
    while data := sock.recv(5000):
        sock.sendall(data)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bytes_come_back_as_they_went(world: World, host: str, most: ssl.TLSVersion) -> None:
    data = bytes(range(256)) * 1500  # many records
    with TlsServer("good", echo, most=most) as server:
        error, reason, stream = secure(world, server, host)
        assert (error, reason) == ("ok", "")
        got = b""
        sent = 0
        while len(got) < len(data):
            if sent < len(data):
                done = world.done(world.host.write(stream, [b"", data[sent : sent + 40_000], b"later"]))
                assert done.error == "ok" and 0 < done.value <= 16384
                sent += done.value
            part = world.read(stream, [100, 7000])
            if isinstance(part, bytes):
                got += part
            else:
                assert part == "would_block"
        assert got == data
        world.host.close(stream)
        assert world.host.open_sockets == 0


@pytest.mark.parametrize(("certificate", "words"), [
    ("wrong_host", "mismatch"), ("expired", "expired"), ("unknown", "unable to get local issuer certificate"),
])  # fmt: skip
def test_a_certificate_that_is_not_right_is_refused(world: World, certificate: str, words: str) -> None:
    for host in "localhost", "127.0.0.1":
        with TlsServer(certificate, echo) as server:
            error, reason, stream = secure(world, server, host)
            assert (error, stream) == ("tls", 0) and words in reason
            assert world.host.open_sockets == 0
        assert server.refused, "the server heard of it"


def test_without_the_authority_the_good_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.pem"
    nobody.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(nobody))
    with TlsServer("good", echo) as server:
        assert secure(World("asio"), server)[0] == "tls"


def test_old_protocols_are_refused(world: World) -> None:
    with TlsServer("good", echo, most=ssl.TLSVersion.TLSv1_1) as server:
        assert secure(world, server)[0] in {"tls", "connection_reset"}


def test_what_is_no_tls_is_refused(world: World) -> None:
    listener = world.listen()
    accept = world.host.accept(listener)
    dialled = world.done(world.host.connect(world.host.local(listener))).value
    other = world.done(accept).value
    op = world.host.secure(dialled, "localhost")
    world.write_all(other, b"HTTP/1.1 400 Bad Request\r\n\r\n" + bytes(70_000))
    assert world.done(op).error == "tls"


def test_a_peer_that_goes_ends_the_handshake(world: World) -> None:
    listener = world.listen()
    accept = world.host.accept(listener)
    op = world.host.secure(world.done(world.host.connect(world.host.local(listener))).value, "localhost")
    world.host.close(world.done(accept).value)
    assert world.done(op).error == "tls"


def test_a_handshake_that_nobody_answers_can_be_called_off(world: World) -> None:
    with TlsServer("good", None) as server:
        op = world.host.secure(world.done(world.host.connect(server.address)).value, "localhost")
        world.quiet_rounds()
        assert not world.completions(op)
        world.host.cancel_secure(op)
        assert world.done(op).error == "canceled"
        assert world.host.open_sockets == 0


def test_a_dropped_stream_and_an_abandoned_handshake_touch_nothing(world: World) -> None:
    with TlsServer("good", echo) as server:
        _, _, stream = secure(world, server)
        read = world.host.readable(stream, [10])
        world.host.drop(stream)
        world.quiet_rounds()
        assert not world.completions(read) and world.host.open_sockets == 0
    with TlsServer("good", None) as server:
        op = world.host.secure(world.done(world.host.connect(server.address)).value, "localhost")
        world.quiet_rounds(2)
        world.host.abandon()
        assert not world.completions(op)


def test_close_and_cancel_complete_what_is_out(world: World) -> None:
    with TlsServer("good", lambda sock: [sock.recv(1) for _ in range(2)] and None) as server:
        _, _, stream = secure(world, server)
        read = world.host.readable(stream, [10])
        world.quiet_rounds(2)
        world.host.cancel(stream)
        assert world.done(read).error == "canceled"
        assert world.done(world.host.write(stream, [b"on"])).error == "ok", "it goes on"
        read = world.host.readable(stream, [10])
        world.host.close(stream)
        assert world.done(read).error == "canceled"
        assert world.done(world.host.readable(stream, [10])).error == "closed"
        assert world.done(world.host.write(stream, [b"x"])).error == "closed"


def test_the_end_is_told_after_the_last_byte(world: World) -> None:
    def serve(sock: ssl.SSLSocket) -> None:
        sock.sendall(b"last words")
        sock.unwrap()

    with TlsServer("good", serve) as server:
        _, _, stream = secure(world, server)
        assert world.read_exactly(stream, 10) == b"last words"
        assert world.read(stream) == "end_of_stream"


def test_a_stream_that_is_cut_off_is_not_a_clean_end(world: World) -> None:
    """Nothing of a record that is not whole is given out."""
    with TlsServer("good", lambda sock: sock.sendall(b"first")) as server:
        _, _, stream = secure(world, server)
        assert world.read_exactly(stream, 5) == b"first"
        assert world.read(stream) in {"end_of_stream", "connection_reset"}


def test_the_simulated_world_has_no_tls() -> None:
    world = World("sim")
    dialled, _ = world.pair()
    done = world.done(world.host.secure(dialled, "localhost"))
    assert (done.error, done.value) == ("not_supported", 0)
