"""Names that take long to resolve, with a server of names that answers when it is told to. Needs root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

AT_ONCE = 64

_CHILD = """
import socket, struct, sys, threading
from tests.conformance.harness import World

AT_ONCE, address = int(sys.argv[1]), sys.argv[2]
held, last = {}, f"name{AT_ONCE}.test"
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((address, 53))


def hear():
    query, asker = server.recvfrom(512)
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    held.setdefault(".".join(labels), []).append((query, at + 5, asker))


def answer(name):
    for query, end, asker in held.pop(name):
        is_a = query[end - 4 : end - 2] == bytes([0, 1])
        record = bytes.fromhex("c00c 0001 0001 00000001 0004 7f000001") if is_a else b""
        head = query[:2] + bytes.fromhex("8180 0001") + struct.pack(">HHH", int(is_a), 0, 0)
        server.sendto(head + query[12:end] + record, asker)


def serve():
    while len(held) < AT_ONCE:
        hear()
    print("asked at once", len(held), last in held, flush=True)
    answer("name0.test")
    while last not in held:
        hear()
    while True:
        for name in list(held):
            answer(name)
        hear()


threading.Thread(target=serve, daemon=True).start()
world = World("asio")
asked = [world.host.resolve(f"name{i}.test") for i in range(AT_ONCE + 1)]
print("resolved", {(done.error, *done.data) for done in map(world.done, asked)}, flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a server of names of its own")
def test_as_many_names_as_there_are_threads_do_not_wait_for_each_other_and_one_more_does(tmp_path: Path) -> None:
    address = f"127.{os.getpid() >> 16 & 255}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    (tmp_path / "resolv.conf").write_text(f"nameserver {address}\n")
    (tmp_path / "hosts").write_text("")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    binds = " && ".join(f"mount --bind {tmp_path}/{name} /etc/{name}" for name in ("resolv.conf", "hosts", "nsswitch.conf"))
    inside = ["unshare", "--mount", "sh", "-c", f'{binds} && exec "$@"', "sh"]
    command = [*inside, sys.executable, "-c", _CHILD, str(AT_ONCE), address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.splitlines() == [f"asked at once {AT_ONCE} False", "resolved {('ok', '127.0.0.1')}"], done.stderr
