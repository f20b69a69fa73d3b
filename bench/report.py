"""What the runs say, as tables of Markdown: medians, ratios to the first client, and how good the run was."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.machine import COLDEST_FAULT
from bench.ratios import Ratio, ratio
from bench.rounds import Record
from bench.workloads import Figure, Workload

_MIB = 1 << 20
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
_MORE = (
    Figure("user", "user s"),
    Figure("system", "system s"),
    Figure("peak", "peak MiB", 1 / _MIB),
    Figure("reads", "reads"),
    Figure("writes", "writes"),
    Figure("voluntary", "switches"),
    Figure("involuntary", "forced"),
)


def labels(records: Sequence[Record]) -> list[str]:
    """Contestants in the order of their first good look: as asked for."""
    return list(dict.fromkeys(record.contestant for record in records))


def _of(records: Sequence[Record], label: str) -> list[Record]:
    return sorted((r for r in records if r.contestant == label), key=lambda r: r.round)


def values(records: Sequence[Record], label: str, figure: Figure) -> list[float]:
    """One for each good run."""
    return [v for v in (record.value(figure) for record in _of(records, label)) if not math.isnan(v)]


def compared(records: Sequence[Record], label: str, base: str, figure: Figure) -> Ratio | None:
    """By the rounds in which both have the figure; None where there are none."""
    both = [
        (own.value(figure), other.value(figure))
        for own, other in zip(_of(records, label), _of(records, base), strict=False)
    ]
    good = [pair for pair in both if not any(math.isnan(v) for v in pair) and pair[1] > 0]
    return ratio([own for own, _ in good], [other for _, other in good]) if good else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _cell(found: list[float], *, least: bool) -> str:
    if not found:
        return "-"
    return _number(statistics.median(found)) + (f" ({_number(min(found))})" if least else "")


def table(workload: Workload, records: Sequence[Record], who: Sequence[str], size: int) -> list[str]:
    """Lines of Markdown for one workload."""
    shown = [figure for figure in _MORE if any(record.value(figure) > 0 for record in records)]
    heads = [figure.heading for figure in workload.figures]
    ratios = [f"{head.split(' s/')[0].removesuffix(' s')} ratio" for head in heads] if len(who) > 1 else []
    columns = ["", *heads, *ratios, *(figure.heading for figure in shown), "right"]
    lines = [f"**{workload.name}** ({_number(size / _MIB)} MiB): {workload.meaning}.", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for label in who:
        cells = [label] + [_cell(values(records, label, figure), least=True) for figure in workload.figures]
        if ratios:
            found = [compared(records, label, who[0], figure) for figure in workload.figures]
            cells += ["1" if label == who[0] else str(each or "-") for each in found]
        cells += [_cell(values(records, label, figure), least=False) for figure in shown]
        own = _of(records, label)
        lines.append("| " + " | ".join([*cells, f"{sum(r.ok for r in own)}/{len(own)}"]) + " |")
    lines += [f"\n{label}: {error}" for label, error in _errors(records)]
    return [*lines, ""]


def _errors(records: Sequence[Record]) -> list[tuple[str, str]]:
    return sorted({(record.contestant, record.error) for record in records if record.error})


def warmth(records: Sequence[Record]) -> str:
    """The proof that memory was warm, over all runs."""
    faults = [record.fault_us for record in records]
    cold = sum(fault > COLDEST_FAULT for fault in faults)
    text = f"The first touch of 2 MiB took {min(faults):.0f} to {max(faults):.0f} us before the {len(faults)} runs"
    return f"{text}; {cold} of them began on cold memory." if cold else f"{text}: memory was warm."


def write_between_markers(path: Path, text: str) -> None:
    """Puts the text into a document, between two lines that say where."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"bench: {path} has no lines {BEGIN} and {END} to put the table between")
    path.write_text(f"{before}{BEGIN}\n{text.strip()}\n{END}{after}", encoding="utf-8")
