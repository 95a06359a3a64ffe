"""Bars as SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

COLOURS = ("#0b7285", "#b35c00", "#6741d9", "#a61e4d")
INK = "#7a7a7a"
"""Grey that can be read on white and on black."""
WIDTH, LABELS, ROW, GAP = 760, 250, 16, 10
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'


def ratio_bars(rows: Sequence[tuple[str, Mapping[str, float]]], title: str) -> str:
    """A group of bars per row, one per peer, on a logarithmic scale around the line of 1."""
    peers = sorted({peer for _, ratios in rows for peer in ratios})
    ends = [abs(math.log10(ratio)) for _, ratios in rows for ratio in ratios.values() if ratio > 0]
    reach = max(1.0, max(ends, default=1.0)) * 1.12
    middle = LABELS + (WIDTH - LABELS) / 2
    half = (WIDTH - LABELS) / 2 - 40
    drawn, y = [], 64.0
    for label, ratios in rows:
        top = y
        for peer in peers:
            if ratios.get(peer, 0) <= 0:
                continue
            length = math.log10(ratios[peer]) / reach * half
            drawn.append(_bar(middle + min(0, length), y, abs(length), COLOURS[peers.index(peer) % len(COLOURS)]))
            at, anchor = (middle + length + 5, "start") if length >= 0 else (middle + length - 5, "end")
            drawn.append(_text(at, y + 11, f"{ratios[peer]:.3g} ×", anchor))
            y += ROW
        drawn.append(_text(LABELS - 8, (top + y) / 2 + 4, label, "end"))
        y += GAP
    drawn.append(f'<path d="M{middle:.0f} 56V{y:.0f}" stroke="{INK}" stroke-width="1"/>')
    drawn.append(_text(middle - 6, 50, "slower", "end"))
    drawn.append(_text(middle + 6, 50, "faster", "start"))
    at = 8.0
    for number, peer in enumerate(peers):
        drawn.append(f'<rect x="{at:.0f}" y="30" width="10" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>')
        drawn.append(_text(at + 15, 39, peer, "start"))
        at += 40 + 7 * len(peer)
    return _picture(title, drawn, y)


def bars(values: Mapping[str, float], title: str, unit: str) -> str:
    """One bar per value, from zero."""
    most = max(values.values()) or 1
    drawn, y = [], 32.0
    for label, value in values.items():
        length = value / most * (WIDTH - LABELS - 90)
        drawn.append(_text(LABELS - 8, y + 11, label, "end"))
        drawn.append(_bar(LABELS, y, max(1, length), COLOURS[0]))
        drawn.append(_text(LABELS + length + 5, y + 11, f"{value:g} {unit}", "start"))
        y += ROW + GAP
    return _picture(title, drawn, y)


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{ROW - 4}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}" {_FONT}>{escape(text)}</text>'


def _picture(title: str, drawn: Sequence[str], height: float) -> str:
    body = "\n".join([_text(8, 18, title, "start"), *drawn])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 8:.0f}" role="img" '
        f'width="{WIDTH}" height="{height + 8:.0f}">\n<title>{escape(title)}</title>\n{body}\n</svg>\n'
    )
