"""A network namespace joined to this one by a veth pair, for clients that refuse peers on loopback. Needs root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Namespace:
    """Its name, our address on the pair and the one inside."""

    name: str
    outside: str
    inside: str

    @property
    def enter(self) -> list[str]:
        """Put in front of a command, it runs inside."""
        return ["ip", "netns", "exec", self.name]


def _ip(*arguments: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr.strip()}"


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A fresh one; gone with everything in it at the end."""
    number = os.getpid() % 16384
    net = f"10.{200 + number // 8192}.{number // 32 % 256}"
    first = number % 32 * 8 + 1
    made = Namespace(f"jst{os.getpid()}", f"{net}.{first}", f"{net}.{first + 1}")
    here, there = f"jsta{os.getpid()}"[:15], f"jstb{os.getpid()}"[:15]
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", made.name)
        _ip("addr", "add", f"{made.outside}/30", "dev", here)
        _ip("link", "set", here, "up")
        _ip("-n", made.name, "addr", "add", f"{made.inside}/30", "dev", there)
        _ip("-n", made.name, "link", "set", there, "up")
        _ip("-n", made.name, "link", "set", "lo", "up")
        yield made
    finally:
        _ip("netns", "del", made.name, check=False)
        _ip("link", "del", here, check=False)
