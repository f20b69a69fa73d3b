"""Magnet links: everything they may say, and everything they should not."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import jstorrent as jst
import pytest
from hypothesis import given
from hypothesis import strategies as st

V1 = bytes(range(20))
V2 = bytes(range(32))
XT1 = f"xt=urn:btih:{V1.hex()}"
XT2 = f"xt=urn:btmh:1220{V2.hex()}"


def code_of(uri: str) -> str:
    with pytest.raises(jst.ParseError) as caught:
        jst.Magnet.parse(uri)
    return caught.value.code


@pytest.mark.parametrize(
    ("uri", "v1", "v2"),
    [
        (f"magnet:?{XT1}", V1, None),
        (f"magnet:?{XT1.upper()}".replace("XT=", "xt="), V1, None),
        (f"MAGNET:?{XT1}", V1, None),
        (f"magnet:?xt=urn:btih:{base64.b32encode(V1).decode()}", V1, None),
        (f"magnet:?xt=urn:btih:{base64.b32encode(V1).decode().lower()}", V1, None),
        (f"magnet:?{XT2}", None, V2),
        (f"magnet:?{XT1}&{XT2}", V1, V2),
        (f"magnet:?{XT2}&dn=x&{XT1}", V1, V2),
        (f"magnet:?xt.1=urn:btih:{V1.hex()}&xt.2=urn:sha1:ABC", V1, None),
        (f"magnet:?dn=x&amp;{XT1}", V1, None),
        (f"magnet:?xt=urn%3Abtih%3A{V1.hex()}", V1, None),
        (f"magnet:?{XT1}&{XT1}", V1, None),
    ],
)
def test_hashes(uri: str, v1: bytes | None, v2: bytes | None) -> None:
    link = jst.Magnet.parse(uri)
    assert (link.info_hash, link.info_hash_v2) == (v1, v2)


def test_all_parts() -> None:
    link = jst.Magnet.parse(
        f"magnet:?{XT1}&dn=a+b%20%C3%A4&tr=http%3A%2F%2Ft%2Fa%3Fk%3D1%2B2&tr.1=udp://u:1&tr=http%3A%2F%2Ft%2Fa%3Fk%3D1%2B2"
        "&x.pe=1.2.3.4:5&x.pe=[::1]:6&x.pe=host.example:7&ws=http://w/&so=5,0,2-4,9&kt=ignored&xl=10&novalue&=x"
    )
    assert link.name == "a b ä"
    assert link.trackers == ("http://t/a?k=1+2", "udp://u:1")
    assert link.peers == (("1.2.3.4", 5), ("::1", 6), ("host.example", 7))
    assert link.web_seeds == ("http://w/",)
    assert link.select_only == (0, 2, 3, 4, 5, 9)
    assert str(link).endswith("&so=0,2-5,9")
    assert jst.Magnet.parse(str(link)) == link


@pytest.mark.parametrize(
    "uri",
    [
        "", "magnet:", "magnet:?", "magnet:?dn=x", "http://x/", "magnet:?xt=", "magnet:?xt=urn:btih:", "magnet:?xt=urn:sha1:X",
        f"magnet:?{XT1[:-1]}", f"magnet:?{XT1}0", f"magnet:?xt=urn:btih:{'g' * 40}", f"magnet:?xt=urn:btih:{'1' * 32}",
        f"magnet:?{XT2[:-1]}", f"magnet:?{XT2}0", f"magnet:?xt=urn:btmh:1120{V2.hex()}", f"magnet:?xt=urn:btmh:{'x' * 68}",
        f"magnet:?{XT1}&xt=urn:btih:{'ab' * 20}", f"magnet:?{XT2}&xt=urn:btmh:1220{'ab' * 32}", f" magnet:?{XT1}",
    ],
)  # fmt: skip
def test_no_usable_link(uri: str) -> None:
    assert code_of(uri) == "bad_magnet"


def test_cut_anywhere_before_the_hash_ends_it_is_an_error() -> None:
    uri = f"magnet:?{XT1}"
    for cut in range(len(uri)):
        assert code_of(uri[:cut]) == "bad_magnet"


@pytest.mark.parametrize(
    "pe", ["x", ":5", "x:0", "x:65536", "x:-1", "x:5x", "a b:5", "[x]:5", "[::1]", "a/b:1", "h" * 254 + ":1"]
)
def test_bad_peers_are_left_out(pe: str) -> None:
    assert jst.Magnet.parse(f"magnet:?{XT1}&x.pe={quote(pe)}&x.pe=ok:1").peers == (("ok", 1),)


@pytest.mark.parametrize("so", ["x", "1,", ",1", "2-1", "1-", "-1", "1--2", "0-400000", "99999999999", "1,x", "1 2"])
def test_a_malformed_selection_selects_all(so: str) -> None:
    assert jst.Magnet.parse(f"magnet:?{XT1}&so={quote(so)}").select_only == ()


@pytest.mark.parametrize("url", ["file:///x", "javascript:x", "http://x/?info_hash=1", "http://" + "x" * 2042])
def test_bad_urls_are_left_out(url: str) -> None:
    link = jst.Magnet.parse(f"magnet:?{XT1}&tr={quote(url)}&ws={quote(url.replace('?info_hash=1', ' '))}")
    assert (link.trackers, link.web_seeds) == ((), ())


@pytest.mark.parametrize("url", ["http://x/%FF", "http://x/%C2%9B2J", "http://%D0%B0/", "http://x/%7F", "http://x/%1B"])
def test_a_url_that_is_not_plain_ascii_is_left_out(url: str) -> None:
    link = jst.Magnet.parse(f"magnet:?{XT1}&tr={url}&ws={url}&tr=http://x/~&ws=http://x/%2521")
    assert (link.trackers, link.web_seeds) == (("http://x/~",), ("http://x/%21",))


def test_limits_one_step_beyond() -> None:
    many = "".join(f"&tr=http://t{i}/&ws=http://w{i}/&x.pe=p:{i + 1}" for i in range(257))
    link = jst.Magnet.parse(f"magnet:?{XT1}{many}")
    assert (len(link.trackers), len(link.web_seeds), len(link.peers)) == (256, 256, 256)
    base = f"magnet:?{XT1}&dn="
    link = jst.Magnet.parse(base + "x" * (65536 - len(base)))
    assert link.name == "x" * 1024
    assert code_of(base + "x" * (65537 - len(base))) == "too_large"
    name = jst.Magnet.parse(base + "ä" * 600 + "").name
    assert name == "ä" * 512
    assert jst.Magnet.parse(base + "x" + "ä" * 600).name == "x" + "ä" * 511  # never half a character
    assert jst.Magnet.parse(f"magnet:?{XT1}&so=399999").select_only == (399999,)
    url = "http://x/" + "y" * 2039
    assert jst.Magnet.parse(f"magnet:?{XT1}&tr={url}&ws={url}&tr={url}y").trackers == (url,)


TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20)
URLS = st.builds(lambda host, rest: f"http://{host}/{quote(rest)}", st.from_regex(r"[a-z]{1,8}", fullmatch=True), TEXT)
PEERS = st.tuples(st.sampled_from(["1.2.3.4", "::1", "a.example"]), st.integers(1, 65535))
HASHES = st.sampled_from([(V1, None), (None, V2), (V1, V2)])


@given(
    HASHES,
    st.none() | TEXT,
    st.lists(URLS, max_size=3, unique=True),
    st.lists(PEERS, max_size=3, unique=True),
    st.lists(URLS, max_size=3, unique=True),
    st.sets(st.integers(0, 30)),
)
def test_round_trip(hashes: Any, name: Any, trackers: Any, peers: Any, web_seeds: Any, select: Any) -> None:
    link = jst.Magnet(
        hashes[0], hashes[1], name, tuple(trackers), tuple(peers), tuple(web_seeds), tuple(sorted(select))
    )
    assert jst.Magnet.parse(str(link)) == link


@given(st.text(max_size=80))
def test_whatever_comes_is_a_link_or_an_error(text: str) -> None:
    try:
        link = jst.Magnet.parse(f"magnet:?{XT1}&" + text)
    except jst.ParseError as error:
        assert error.code == "bad_magnet"
    else:
        assert jst.Magnet.parse(str(link)) == link
