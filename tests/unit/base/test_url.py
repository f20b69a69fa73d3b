"""URLs apart and together, and what a redirect makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import ParseError
from jstorrent._core import lab


def test_a_url_is_taken_apart() -> None:
    url = lab.parse_url("HTTP://Me:pass@Tracker.Example:6969/a/announce?k=v#part")
    assert url == {
        "scheme": "http",
        "user_info": "Me:pass",
        "host": "tracker.example",
        "port": 6969,
        "target": "/a/announce?k=v",
        "authority": "tracker.example:6969",
        "text": "http://tracker.example:6969/a/announce?k=v",
    }


@pytest.mark.parametrize(
    ("text", "port", "target"),
    [
        ("http://a", 80, "/"),
        ("https://a", 443, "/"),
        ("https://a:8443", 8443, "/"),
        ("http://a?x", 80, "/?x"),
        ("http://a/#x", 80, "/"),
        ("udp://a:1", 1, "/"),
        ("http://a:", 80, "/"),
    ],
)
def test_port_and_target_have_their_usual_values(text: str, port: int, target: str) -> None:
    url = lab.parse_url(text)
    assert (url["port"], url["target"]) == (port, target)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "http:/a", "http://", "http:///x", "://a", "1http://a", "http://a:0", "http://a:65536", "http://a:x", "http://a:-1",
        "udp://a", "http://a b/", "http://a/\r\nX: y", "http://\u00fc/", "http://a\0b/", "http://[::1", "http://[1.2.3.4]/",
        "http://[::1]x/", "http://[::g]/", "http://a%20b/", "http://:80/",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as raised:
        lab.parse_url(text)
    assert raised.value.code == "bad_url"


def test_one_byte_more_than_max_url_size_is_refused() -> None:
    start = "http://a/"
    assert lab.parse_url(start + "x" * (lab.max_url_size - len(start)))
    with pytest.raises(ParseError):
        lab.parse_url(start + "x" * (lab.max_url_size - len(start) + 1))


def test_one_letter_more_than_max_host_name_is_refused() -> None:
    assert lab.parse_url("http://" + "x" * lab.max_host_name)
    with pytest.raises(ParseError):
        lab.parse_url("http://" + "x" * (lab.max_host_name + 1))


@given(st.text(max_size=60))
def test_what_is_parsed_reads_back_the_same(text: str) -> None:
    try:
        url = lab.parse_url("http://" + text)
    except ParseError:
        return
    again = lab.parse_url(url["text"])
    assert {**url, "user_info": ""} == again


# RFC 3986 5.4, what there is of it with an authority.
@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("https://b/x", "https://b/x"),
        ("//b/x", "http://b/x"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
    ],
)
def test_a_redirect_is_resolved(reference: str, text: str) -> None:
    assert lab.resolve_url("http://a/b/c/d;p?q", reference)["text"] == text


def test_user_information_never_goes_along() -> None:
    assert lab.resolve_url("http://me:secret@a/x", "/y")["user_info"] == ""
    assert lab.resolve_url("http://a/x", "http://me:secret@b/y")["user_info"] == ""
