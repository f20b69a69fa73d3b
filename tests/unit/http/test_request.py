"""What we ask an HTTP server with."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jstorrent import ParseError
from jstorrent._core import lab


def fields(request: bytes) -> dict[str, str]:
    head, empty, rest = request.partition(b"\r\n\r\n")
    assert empty and rest == b""
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def test_a_get_names_host_agent_and_codings_and_ends_its_connection() -> None:
    request = lab.write_get("http://tracker.example:6969/announce?x=1", user_agent="us/1")
    assert request.startswith(b"GET /announce?x=1 HTTP/1.1\r\n")
    assert fields(request) == {
        "host": "tracker.example:6969",
        "user-agent": "us/1",
        "accept-encoding": "gzip",
        "connection": "close",
    }


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a/", "a"),
        ("http://a:80/", "a"),
        ("https://a:443/", "a"),
        ("https://a:80/", "a:80"),
        ("http://[::1]:7/", "[::1]:7"),
    ],
)
def test_the_host_field_has_the_port_only_when_it_is_not_the_usual_one(url: str, host: str) -> None:
    assert fields(lab.write_get(url))["host"] == host


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40))
def test_credentials_become_basic_authorization(credentials: str) -> None:
    value = fields(lab.write_get("http://a/", credentials=credentials))["authorization"]
    assert value.startswith("Basic ") and base64.b64decode(value[6:], validate=True).decode() == credentials


def test_user_information_of_the_url_is_not_in_the_request_by_itself() -> None:
    request = lab.write_get("http://me:secret@a/")
    assert b"secret" not in request and "authorization" not in fields(request)


@pytest.mark.parametrize("agent", ["a\r\nX: y", "a\nb", "a\0b", "a\x7fb"])
def test_a_control_character_in_a_field_is_refused(agent: str) -> None:
    with pytest.raises(ParseError) as raised:
        lab.write_get("http://a/", user_agent=agent)
    assert raised.value.code == "bad_value"
