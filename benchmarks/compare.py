"""Whether two runs agree: every ratio to every peer within 25 %.

python -m benchmarks.compare benchmarks/results/a.json benchmarks/results/b.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.goals import Result

WITHIN = 0.25


def ratios(result: Result) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Every ratio by size, workload and peer."""
    for size, told in result["sizes"].items():
        for workload, measured in told["workloads"].items():
            for peer, ratio in measured["ratios"].items():
                yield (size, workload, peer), ratio


def apart(one: float, other: float) -> float:
    """How far apart two ratios are: 0.25 where the greater is a quarter more."""
    return max(one, other) / min(one, other) - 1


def differences(first: Result, second: Result) -> list[tuple[tuple[str, str, str], float, float, float]]:
    """Ratios that both have, those furthest apart first."""
    before, after = dict(ratios(first)), dict(ratios(second))
    found = [(key, before[key], after[key], apart(before[key], after[key])) for key in before.keys() & after.keys()]
    return sorted(found, key=lambda row: (-row[3], row[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    asked = parser.parse_args()
    found = differences(*(json.loads(path.read_text(encoding="utf-8")) for path in (asked.first, asked.second)))
    if not found:
        sys.exit("the runs have no ratio in common")
    for (size, workload, peer), one, other, by in found:
        mark = "!" if by > WITHIN else " "
        print(f"{mark} {by:6.1%}  {one:10g} {other:10g}  {workload} / {peer} at {int(size):,} quads")
    wrong = sum(by > WITHIN for *_, by in found)
    print(f"{len(found) - wrong} of {len(found)} ratios agree within {WITHIN:.0%}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
