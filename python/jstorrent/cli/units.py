"""Sizes, rates and durations as people write and read them."""

import ipaddress
import math
import re
from datetime import UTC, datetime
from pathlib import Path

import typer

_LARGEST = 2**64 - 1
_FACTORS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1024, "mi": 1024**2, "gi": 1024**3}


def parse_size(text: str) -> int:
    """ "512k", "1.5M", "16MiB", "2 GiB/s": bytes. k, M and G are decimal, Ki, Mi and Gi binary."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?)?b?(?:/s)?\s*", text, re.IGNORECASE)
    if not match:
        raise typer.BadParameter(f"'{text}' is not a size (examples: 512k, 1.5M, 16MiB)")
    size = float(match[1]) * _FACTORS[(match[2] or "").lower()]
    if size > _LARGEST:
        raise typer.BadParameter(f"'{text}' is too large")
    return int(size)


def finite(number: float | None) -> float | None:
    """For options that float() would take in any form: a number that can be counted with, or None."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is not a number that can be counted with")
    return number


def new_file(path: Path | None) -> Path | None:
    """For options that name a file to be written after long work: what can be known to fail fails before."""
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"'{path}' is a folder")
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder '{path.parent}'")
    return path


def parse_address(text: str) -> tuple[str, int]:
    """ "host:port" or "[v6]:port"."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise typer.BadParameter(f"'{text}' is not HOST:PORT")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise typer.BadParameter(f"'{host}' is no IP address: names are not looked up") from error
    return host, int(port)


def printable(text: str) -> str:
    """A torrent's or a tracker's text must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """The same of a name: it must not forge a line of its own either."""
    return printable(text).replace("\n", "\N{REPLACEMENT CHARACTER}")


def moment_text(seconds: int | None) -> str | None:
    """Unix seconds as a date; those that no calendar has as a number."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OSError, OverflowError, ValueError):
        return str(seconds)


def size_text(size: float) -> str:
    """1536 -> "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def rate_text(rate: float) -> str:
    """The same, each second."""
    return size_text(rate) + "/s"


def duration_text(seconds: float | None) -> str:
    """75 -> "1:15"; unknown is "-"."""
    if seconds is None:
        return "-"
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
