"""The command line: one peer against any client, with every message as a line."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from mock_peer._handshake import Handshake
from mock_peer._kinds import KINDS
from mock_peer._ledger import Connection, Message
from mock_peer._peer import Peer, auto_of, behaviours_of, pieces_named
from mock_peer._truth import Truth
from mock_peer.tcp import Loop
from mock_peer.torrent import MadeUp, OnDisk

FINE, BROKEN_RULES, USAGE, NOBODY, INTERRUPTED = 0, 1, 2, 3, 130

_EPILOG = """\
examples:
  python -m mock_peer 127.0.0.1:6881 --torrent a.torrent --data downloads
      dials a client and seeds to it
  python -m mock_peer --listen 127.0.0.1:7000 --torrent a.torrent --data downloads \\
      --behave '{"kind": "corrupt", "p": 0.1}' --behave never_unchoke
      waits for a client, and lies
  python -m mock_peer --listen 127.0.0.1:7000 --made-up 64x65536 --write-torrent made-up.torrent
      seeds contents that it makes up

exit codes: 0 there was a conversation and the client kept the rules; 1 it broke some; 2 wrong usage; 3 nobody to
talk to; 130 interrupted. Known kinds of behaviour: """


class ShellPeer(Peer):
    """A peer on sockets, driven by the command line."""

    def __init__(self, loop: Loop, host: str, truth: Truth | None, seed: int, **words: Any) -> None:
        self._transport = loop.transport(host)
        self._set_up(self._transport, truth, lambda purpose: random.Random(f"{seed}/{purpose}"), **words)
        self._transport.tell(self._core)

    def listen(self, port: int) -> int:
        """Takes links; the port."""
        return self._transport.listen(port)

    def on_message(self, call: Any) -> None:
        """Told of each message, both ways."""
        self._core.heard = call


class View:
    """The conversation as lines."""

    def __init__(self, out: TextIO, start: float) -> None:
        self._out = out
        self._start = start
        self._ends: set[int] = set()
        self._opened: set[int] = set()

    def message(self, message: Message) -> None:
        """One line for each."""
        self._line(str(message._replace(time=message.time - self._start)))

    def links(self, connections: list[Connection]) -> None:
        """What opened and what ended since the last look."""
        for index, link in enumerate(connections):
            host, port = link.address
            if link.opened_at is not None and index not in self._opened:
                self._opened.add(index)
                self._line(f"{link.opened_at - self._start:10.4f} #{index} = open, {host}:{port}")
            if link.closed_at is not None and index not in self._ends:
                self._ends.add(index)
                self._line(f"{link.closed_at - self._start:10.4f} #{index} = ended by {link.closed_by}: {link.how}")

    def _line(self, text: str) -> None:
        _say(text, self._out)


def _say(text: str, out: TextIO) -> None:
    """Who read it may be gone: the client goes on, and so does the judgement of it."""
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(
        prog="python -m mock_peer",
        description="A scripted BitTorrent peer against any client.",
        epilog=_EPILOG + ", ".join(KINDS) + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("address", nargs="?", metavar="HOST:PORT", help="the client to dial")
    made.add_argument("--listen", metavar="HOST:PORT", help="wait for a client there (port 0: any)")
    made.add_argument("--torrent", type=Path, metavar="FILE", help="the .torrent")
    made.add_argument("--data", type=Path, metavar="PATH", help="its file, or the folder that it lies in")
    made.add_argument("--made-up", metavar="PIECESxLENGTH", help="contents made up from the seed, such as 64x65536")
    made.add_argument("--write-torrent", type=Path, metavar="FILE", help="where the .torrent of --made-up goes")
    made.add_argument("--have", default="all", metavar="PIECES", help="all, none, or numbers such as 0-3,7 (all)")
    made.add_argument("--behave", action="append", default=[], metavar="JSON", help="a kind, a dict, or a list of them")
    made.add_argument("--handshake", default="{}", metavar="JSON", help='such as {"fast": false, "delay": 2}')
    made.add_argument(
        "--auto", default="all", metavar="WORDS", help="what it does by itself, such as claims,unchoke (all)"
    )
    made.add_argument("--reqq", type=int, default=250, help="requests that it says it queues (250)")
    made.add_argument("--retry", type=float, metavar="SECONDS", help="dial again so long after a link ended")
    made.add_argument("--seed", type=int, default=0, help="of all its luck (0)")
    made.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="end after so long")
    made.add_argument("--quiet", action="store_true", help="only the summary")
    return made


def main(argv: Sequence[str] | None = None, out: TextIO | None = None) -> int:
    """Runs one peer; its exit code."""
    out = sys.stdout if out is None else out
    made = parser()
    options = made.parse_args(argv)
    loop = Loop()
    try:
        peer, view = _set_up(options, loop, out)
    except (ValueError, TypeError, OSError) as error:
        print(f"{made.prog}: {error}", file=sys.stderr)
        loop.close()
        return USAGE
    interrupted = False
    try:
        _run(peer, view, loop, options)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        loop.close()
    code = _sum_up(peer, out)
    return INTERRUPTED if interrupted else code


def _set_up(options: argparse.Namespace, loop: Loop, out: TextIO) -> tuple[ShellPeer, View]:
    if (options.address is None) == (options.listen is None):
        raise ValueError("either HOST:PORT to dial, or --listen HOST:PORT")
    truth = _truth_of(options)
    have = _have_of(options.have)
    pieces_named(have, truth)
    behave = behaviours_of(each for text in options.behave for each in _behaviours_in(text))
    host, port = _address(options.listen or options.address)
    auto = auto_of(options.auto if options.auto == "all" else set(filter(None, options.auto.split(","))))
    shake = Handshake.of(_json(options.handshake))
    here = host if options.listen else ("::" if ":" in host else "0.0.0.0")
    words = {"have": have, "behave": behave, "auto": auto, "handshake": shake, "reqq": options.reqq}
    peer = ShellPeer(loop, here, truth, options.seed, **words)
    view = View(out, loop.clock())
    if not options.quiet:
        peer.on_message(view.message)
    if options.listen:
        print(f"listening on {host}:{peer.listen(port)}", file=out, flush=True)
    else:
        peer.dial((host, port), retry=options.retry)
    return peer, view


def _run(peer: ShellPeer, view: View, loop: Loop, options: argparse.Namespace) -> None:
    end = None if options.seconds is None else loop.clock() + options.seconds
    while end is None or loop.clock() < end:
        loop.run_once(0.2 if end is None else max(0.0, min(0.2, end - loop.clock())))
        links = peer.ledger.connections
        if not options.quiet:
            view.links(links)
        if options.address and options.retry is None and all(link.closed_at is not None for link in links):
            return


def _sum_up(peer: ShellPeer, out: TextIO) -> int:
    ledger = peer.ledger
    met = any(message.kind == "handshake" and message.direction == "in" for message in ledger.messages)
    served, payload = sum(m.length or 0 for m in ledger.served), sum(m.length or 0 for m in ledger.payload)
    _say(
        f"links {len(ledger.connections)}, bytes in {ledger.bytes_in}, out {ledger.bytes_out}; payload served {served} in"
        f" {len(ledger.served)} blocks, received {payload} in {len(ledger.payload)}; requests {len(ledger.requests)}",
        out,
    )
    for violation in ledger.violations[:20]:
        _say(f"rule broken: {violation.why}\n  {violation.message}", out)
    if not met:
        return NOBODY
    return BROKEN_RULES if ledger.violations else FINE


def _truth_of(options: argparse.Namespace) -> Truth | None:
    if options.made_up is not None:
        if options.torrent is not None:
            raise ValueError("either --torrent or --made-up")
        pieces, _, length = options.made_up.partition("x")
        made = MadeUp(pieces=int(pieces), piece_length=int(length or 65536), seed=options.seed)
        if options.write_torrent is not None:
            options.write_torrent.write_bytes(made.torrent)
        return made
    if options.torrent is None:
        return None
    return OnDisk(options.torrent.read_bytes(), options.data)


def _have_of(text: str) -> str | set[int]:
    if text in ("all", "none"):
        return text
    pieces: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        pieces |= set(range(int(low), int(high or low) + 1))
    return pieces


def _behaviours_in(text: str) -> list[Any]:
    if not text.startswith(("{", "[")):
        return [text]
    value = _json(text)
    return value if isinstance(value, list) else [value]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {text!r}: {error}") from error


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"not HOST:PORT: {text!r}")
    return host.strip("[]"), int(port)
