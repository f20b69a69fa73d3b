"""Where a tracker's URL may lead: the truth table, by the address that is dialled."""

import pytest
from jstorrent._core import lab

LAN, LOOP, META = "192.168.1.9", "127.0.0.1", "169.254.169.254"


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("8.8.8.8", "/anything?x=1", True),
        ("2600::1", "/anything", True),
        (LOOP, "/announce", True),
        (LOOP, "/announce?x=1", True),
        (LOOP, "/scrape", True),
        (LOOP, "/announce/../admin", False),
        (LOOP, "/announcement", False),
        (LOOP, "/x/announce", False),
        (LOOP, "/", False),
        ("::1", "/announce", True),
        ("::1", "/admin", False),
        ("::ffff:127.0.0.1", "/admin", False),
        (META, "/latest/meta-data", False),
        (META, "/announce", True),
        ("fe80::1", "/admin", False),
        (LAN, "/passkey/announce.php", True),
        (LAN, "/scrape", True),
        (LAN, "/cgi/reboot", False),
        ("10.0.0.1", "/", False),
        ("fd00::1", "/x", False),
        ("0.0.0.0", "/announce", False),
        ("0.1.2.3", "/announce", False),
        ("::", "/announce", False),
        ("224.0.0.1", "/announce", False),
        ("255.255.255.255", "/announce", False),
        ("ff02::1", "/announce", False),
    ],
)
def test_where_an_http_tracker_may_be(host: str, target: str, expected: bool) -> None:
    assert lab.may_reach(host, "http://tracker.example" + target, False) is expected


@pytest.mark.parametrize("host", [LOOP, LAN, META, "::1", "fd00::1"])
def test_a_global_tracker_can_not_send_us_inside(host: str) -> None:
    assert lab.may_reach(host, "http://x/announce", False)
    assert not lab.may_reach(host, "http://x/announce", True)


def test_a_udp_tracker_may_be_near_but_not_everybody() -> None:
    assert lab.may_reach(LAN, "udp://x:1/anything", False)
    assert not lab.may_reach("224.0.0.1", "udp://x:1", False)


@pytest.mark.parametrize(
    ("start", "to", "expected"),
    [
        ("http", "http", True),
        ("http", "https", True),
        ("https", "https", True),
        ("https", "http", False),
        ("http", "ws", False),
    ],
)
def test_a_redirect_never_leaves_tls(start: str, to: str, expected: bool) -> None:
    assert lab.may_redirect(f"{start}://a/", f"{to}://a/") is expected
