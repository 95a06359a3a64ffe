"""Whether two runs agree: every ratio to every peer within 25 %, of speed and of processor time.

A ratio over many questions is taken over those that both runs have: which ones a slow server still answers in time is
a matter of luck. Processor time is counted in ticks of 10 ms: the ratio of a few of them is left out.

python -m benchmarks.compare benchmarks/results/a.json benchmarks/results/b.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.goals import Result
from benchmarks.load import Measured
from benchmarks.servers import OURS

WITHIN = 0.25
FEW_TICKS_MS = 50

Key = tuple[str, str, str]
"""Size, workload (its processor time on its own), peer."""
CPU = " (CPU)"


def _measured(result: Result) -> Iterator[tuple[Key, dict[str, Any]]]:
    for size, told in result["sizes"].items():
        for workload, measured in told["workloads"].items():
            for peer in measured["ratios"]:
                yield (size, workload, peer), measured
            for peer in measured.get("cpu_ratios", {}):
                once = measured["by"] == "seconds"  # and not many times in a row
                if once and measured["figures"][peer]["cpu_ms"] < FEW_TICKS_MS:
                    continue
                yield (size, workload + CPU, peer), {"ratios": measured["cpu_ratios"], "parts": {}}


def _ratio(measured: dict[str, Any], peer: str, parts: Iterable[str]) -> float:
    """The ratio to a peer, over some of the parts where it has parts."""
    kept = {part: measured["parts"][part] for part in parts}
    if not kept:
        return float(measured["ratios"][peer])
    return Measured({}, measured["by"], measured["more_is_better"], kept).ratios(OURS)[peer]


def apart(one: float, other: float) -> float:
    """How far apart two ratios are: 0.25 where the greater is a quarter more."""
    return max(one, other) / min(one, other) - 1


def differences(first: Result, second: Result) -> list[tuple[Key, float, float, float]]:
    """Ratios that both have, those furthest apart first."""
    before, after = dict(_measured(first)), dict(_measured(second))
    found = []
    for key in before.keys() & after.keys():
        peer = key[2]
        answered = [{p for p, t in run[key]["parts"].items() if {OURS, peer} <= t.keys()} for run in (before, after)]
        if all(answered) and not answered[0] & answered[1]:
            continue
        one, other = (_ratio(run[key], peer, answered[0] & answered[1]) for run in (before, after))
        found.append((key, one, other, apart(one, other)))
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
