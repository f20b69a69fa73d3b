"""A world in which a call was refused is told as a plan all the same, and the plan runs as the world did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jstorrent import ParseError, SettingsError
from jstorrent.lab import Lab, run


@pytest.mark.parametrize(
    ("refusal", "call"),
    [
        (SettingsError, lambda client, t: client.session.configure(upload_slotz=1)),
        (ParseError, lambda client, t: client.session.ban("x")),
        (ParseError, lambda client, t: t.rename_file(0, "")),
        (IndexError, lambda client, t: t.set_piece_priority(99, 1)),
    ],
)
def test_what_was_refused_is_refused_again(refusal: type[Exception], call: Callable[[Any, Any], object]) -> None:
    with Lab(seed=3) as lab:
        spec = lab.torrent(pieces=4)
        client = lab.engine("client")
        t = client.add(spec, peers=[lab.seeder("good", spec)])
        lab.run_for(0.05)
        with pytest.raises(refusal):
            call(client, t)
        lab.until(lambda: t.state == "seeding", within=60)
        report = run(lab.token or "")
        assert report.ok and report.fingerprint == lab.fingerprint, report
        exec(lab.plan.to_python(), {})  # noqa: S102  and the program refuses it again, too
