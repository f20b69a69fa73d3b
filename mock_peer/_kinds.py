"""The table of all kinds of behaviours, by their words."""

from __future__ import annotations

from mock_peer import _kinds_answers as answers
from mock_peer import _kinds_state as state
from mock_peer import _kinds_wire as wire
from mock_peer._kind import Kind

KINDS: dict[str, type[Kind]] = {
    "corrupt": answers.Corrupt,
    "wrong": answers.Wrong,
    "withhold": answers.Withhold,
    "lie_have": state.LieHave,
    "duplicate": answers.Duplicate,
    "reorder": answers.Reorder,
    "unsolicited": wire.Unsolicited,
    "late": answers.Late,
    "trickle": wire.Trickle,
    "burst": answers.Burst,
    "choke_flap": state.ChokeFlap,
    "choke_with_outstanding": state.ChokeWithOutstanding,
    "never_unchoke": state.NeverUnchoke,
    "reject": answers.Reject,
    "allowed_fast": state.AllowedFast,
    "never_read": wire.NeverRead,
    "half_open": wire.HalfOpen,
    "cut": wire.Cut,
    "slow_handshake": state.SlowHandshake,
    "malformed": wire.Malformed,
    "bencode_bomb": wire.BencodeBomb,
    "metadata": answers.Metadata,
    "pex_flood": wire.PexFlood,
    "keepalive_flood": wire.KeepaliveFlood,
    "request_flood": wire.RequestFlood,
    "same_peer_id": state.SamePeerId,
    "own_peer_id": state.OwnPeerId,
    "remap": state.Remap,
}


def table() -> str:
    """All kinds as a Markdown table: kind, words with their defaults, trigger, what it does."""
    lines = ["| kind | words | on | what it does |", "|---|---|---|---|"]
    for word, kind in KINDS.items():
        words = "; ".join(f"`{name}={_shown(arg.default)}` {arg.what}" for name, arg in kind.args.items())
        usual = kind.trigger({name: arg.default for name, arg in kind.args.items()})
        what = " ".join((kind.__doc__ or "").split())
        lines.append(f"| `{word}` | {words or '-'} | {usual} | {what} |")
    return "\n".join(lines).replace('"', "`") + "\n"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else f"{value}"


__all__ = ["KINDS", "Kind", "table"]
