"""Sizes, rates and addresses as the command line reads and writes them."""

import pytest

typer = pytest.importorskip("typer")
from jstorrent.cli.units import duration_text, parse_address, parse_size, rate_text, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512k", 512_000),
        ("1.5M", 1_500_000),
        ("16MiB", 16 << 20),
        ("16 Mi", 16 << 20),
        ("2GiB/s", 2 << 30),
        ("3 kb", 3000),
    ],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1.2.3", "5T", "1e3", "five"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a size"):
        parse_size(text)


def test_addresses_are_read() -> None:
    assert parse_address("127.0.0.1:6881") == ("127.0.0.1", 6881)
    assert parse_address("[::1]:1") == ("::1", 1)
    assert parse_address("192.0.2.1:65535") == ("192.0.2.1", 65535)
    with pytest.raises(typer.BadParameter, match="names are not looked up"):
        parse_address("seed.example:65535")


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "host:0", "host:65536", "host:x", "host:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="HOST:PORT"):
        parse_address(text)


def test_sizes_and_times_are_written() -> None:
    sizes = (0, 1023, 1024, 1536, 1 << 20, 5 << 30, 5 << 40)
    assert [size_text(n) for n in sizes] == ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB", "5120.0 GiB"]
    assert rate_text(2048) == "2.0 KiB/s"
    times = (None, 0, 59.4, 59.6, 75, 3600, 3661)
    assert [duration_text(s) for s in times] == ["-", "0:00", "0:59", "1:00", "1:15", "1:00:00", "1:01:01"]
