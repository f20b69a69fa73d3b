"""Every option that is a number, with everything that is none: exit code 2 and a sentence that names the option."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest

typer = pytest.importorskip("typer")
from jstorrent.cli.app import app, run

_NO_NUMBER = ["nan", "-inf", "inf", "1e400", "", "five", "-5"]


def numbers(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each command with each of its options that is a number."""
    for command in group.registered_commands:
        hints = get_type_hints(command.callback, include_extras=True)
        for kind, *extras in (get_args(hint) for hint in hints.values() if get_origin(hint) is Annotated):
            if {int, float} & {kind, *get_args(kind)}:
                name = next(w for w in (extras[0].default, *extras[0].param_decls) if str(w).startswith("--"))
                yield (*words, command.name), name
    for below in group.registered_groups:
        yield from numbers(below.typer_instance, (*words, below.name))


FOUND = list(numbers(app))


def test_all_of_them_are_found() -> None:
    assert {option for _, option in FOUND} == {
        "--limit", "--upload-limit", "--port", "--timeout", "--patience", "--ratio", "--seconds", "--piece-length",
        "--size", "--shrink", "--seed", "--jobs", "--first", "--plans", "--hit-each",
    }  # fmt: skip


@pytest.mark.parametrize("text", _NO_NUMBER)
@pytest.mark.parametrize(("words", "option"), FOUND, ids=lambda part: part if isinstance(part, str) else "-".join(part))
def test_what_is_no_number_is_a_mistake_of_the_user(
    words: tuple[str, ...], option: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if (option, text) == ("--seed", "-5"):
        pytest.skip("a seed may be any whole number")
    arguments = [] if words[-1] in ("demo", "soak", "client") else [__file__]
    assert run([*words, *arguments, option, text]) == 2
    said = capsys.readouterr().err
    assert option in said or option[2:] in said, said
    assert "Traceback" not in said
