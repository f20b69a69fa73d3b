"""A test that makes its worlds by itself, as those of Hypothesis do: its failure ends with the last one's token, too."""

from __future__ import annotations

import re

import pytest
from jstorrent.lab import run
from jstorrent.lab._plan import resolve

pytest_plugins = ["pytester"]

TOKEN = re.compile(r"^jstorrent lab replay (\S+)$", re.MULTILINE)


def failing(pytester: pytest.Pytester, text: str) -> str:
    pytester.makepyfile(test_it=text)
    found = pytester.runpytest_subprocess("-p", "jstorrent.lab.pytest_plugin", "-p", "no:cacheprovider")
    found.assert_outcomes(failed=1)
    return found.stdout.str()


def test_an_example_of_hypothesis_that_fails_says_why_and_can_be_run_again(pytester: pytest.Pytester) -> None:
    said = failing(pytester, """
        from hypothesis import given, settings, strategies as st
        from jstorrent.lab import Plan, run

        @settings(max_examples=5, deadline=None, derandomize=True, database=None)
        @given(st.integers(1, 9))
        def test_it(pieces):
            who = {"engines": [{"name": "client"}], "peers": [{"name": "good"}]}
            assert run(Plan(seed=1, torrent={"pieces": pieces}, within=300 if pieces < 4 else 0.001, **who)).ok
    """)
    assert "pieces=" in said
    (token,) = TOKEN.findall(said)
    report = run(token)
    assert not report.ok and report.text.splitlines()[0] in said and report.text.splitlines()[0].startswith(f"{report.oracle}:")


@pytest.mark.parametrize("end", ["assert n < 4", "lab.until(lambda: n < 4, within=1)"])
def test_a_world_of_its_own_that_an_exception_ends_can_be_run_again(pytester: pytest.Pytester, end: str) -> None:
    said = failing(pytester, f"""
        from jstorrent.lab import Lab

        def test_it():
            for n in range(3, 9):
                with Lab(seed=n) as lab:
                    lab.engine("client")
                    {end}
    """)
    (token,) = TOKEN.findall(said)
    assert resolve(token).seed == 4


def test_worlds_that_ended_well_are_not_told(pytester: pytest.Pytester) -> None:
    said = failing(pytester, """
        import pytest
        from jstorrent.lab import Lab, LabFailure

        def test_it():
            with pytest.raises(LabFailure), Lab(seed=1) as lab:
                lab.until(lambda: False, within=1)
            with Lab(seed=2) as lab:
                lab.engine("client")
            assert False
    """)
    assert not TOKEN.findall(said)
