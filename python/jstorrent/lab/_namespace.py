"""A network namespace joined to this one by a veth pair, for clients that refuse peers on loopback. Needs root."""

from __future__ import annotations

import itertools
import os
import subprocess

from jstorrent.lab._failure import LaneLacks

_FIRST_NODE = 10
_SUBNETS = 16384  # 10.128.0.0/24 and up
_numbers = itertools.count()


class Namespace:
    """A network of 254 addresses: one inside, and outside one for each node that is seen from in there."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise LaneLacks("this client refuses peers on loopback, and a network namespace needs root")
        self.name, self._here, there, net = _free_names()
        self._net = net
        self.outside, self.inside = f"{net}.1", f"{net}.2"
        self._seen: dict[int, str] = {}
        try:
            _ip("netns", "add", self.name)
            _ip("link", "add", self._here, "type", "veth", "peer", "name", there, "netns", self.name)
            _ip("addr", "add", f"{self.outside}/24", "dev", self._here)
            _ip("link", "set", self._here, "up")
            _ip("-n", self.name, "addr", "add", f"{self.inside}/24", "dev", there)
            _ip("-n", self.name, "link", "set", there, "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    @property
    def enter(self) -> tuple[str, ...]:
        """Put in front of a command, it runs inside."""
        return "ip", "netns", "exec", self.name

    def host_of(self, number: int) -> str:
        """The address under which that node is seen from inside."""
        if number not in self._seen:
            last = _FIRST_NODE + len(self._seen)
            if last > 254:
                raise LaneLacks("a network namespace of the laboratory has room for 245 nodes")
            host = f"{self._net}.{last}"
            _ip("addr", "add", f"{host}/24", "dev", self._here)
            self._seen[number] = host
        return self._seen[number]

    def close(self) -> None:
        """Removes it. What still runs inside goes on without a network."""
        _ip("netns", "del", self.name, check=False)
        _ip("link", "del", self._here, check=False)


def _free_names() -> tuple[str, str, str, str]:
    taken = _ip("-4", "-o", "addr")
    for _ in range(_SUBNETS):
        number = (os.getpid() * 64 + next(_numbers)) % _SUBNETS
        net = f"10.{128 + number // 256}.{number % 256}"
        if f" {net}.1/" not in taken:
            return f"jstlab{number}", f"jsta{number}", f"jstb{number}", net
    raise LaneLacks("all networks of the laboratory are in use")


def _ip(*arguments: str, check: bool = True) -> str:
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LaneLacks("a network namespace needs the program `ip` (iproute2)") from None
    if check and done.returncode != 0:
        raise LaneLacks(f"no network namespace: ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
