"""A picture of ratios to the first client, workload by workload: one bar for each, with its interval. Plain SVG."""

from __future__ import annotations

from html import escape
from pathlib import Path

from bench.ratios import Ratio

_LABELS, _WIDTH, _ROW, _BAR = 250, 520, 20, 13  # pixels
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
FULL = _WIDTH
_MOST = 4.0  # a longer bar is cut: its number stands beside it


def _x(value: float, most: float) -> float:
    return _LABELS + _WIDTH * min(value, most) / most


def _bar(y: float, label: str, found: Ratio, most: float, colour: str) -> list[str]:
    middle = y + _BAR / 2
    return [
        f'<text x="{_LABELS - 8}" y="{middle + 4:.1f}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{_LABELS}" y="{y:.1f}" width="{_x(found.median, most) - _LABELS:.1f}" height="{_BAR}" fill="{colour}"/>',
        f'<line x1="{_x(found.low, most):.1f}" x2="{_x(found.high, most):.1f}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="#222"/>',
        f'<text x="{_x(max(found.median, found.high), most) + 6:.1f}" y="{middle + 4:.1f}">{escape(str(found))}</text>',
    ]


def svg(title: str, groups: dict[str, dict[str, Ratio]]) -> str:
    """`groups`: workload and figure -> contestant -> ratio."""
    everyone = list(dict.fromkeys(label for bars in groups.values() for label in bars))
    highest = max((found.high for bars in groups.values() for found in bars.values()), default=1.0)
    most = min(_MOST, max(1.2, highest * 1.05))
    body, y = [], 40.0
    for group, bars in groups.items():
        body.append(f'<text x="8" y="{y + 12:.1f}" font-weight="bold">{escape(group)}</text>')
        y += _ROW
        for label, found in bars.items():
            body += _bar(y, label, found, most, _COLOURS[everyone.index(label) % len(_COLOURS)])
            y += _ROW
        y += _ROW / 2
    one = _x(1.0, most)
    width, height = _LABELS + _WIDTH + 150, y + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="8" y="20" font-size="14">{escape(title)}</text>',
            *body,
            f'<line x1="{one:.1f}" x2="{one:.1f}" y1="34" y2="{y:.1f}" stroke="#222" stroke-dasharray="4 3"/>',
            "</svg>",
            "",
        ]
    )


def write(path: Path, title: str, groups: dict[str, dict[str, Ratio]]) -> None:
    path.write_text(svg(title, groups), encoding="utf-8")
