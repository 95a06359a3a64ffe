"""What only knows itself is found in time, however much there was at the start, and not looked for at the end."""

from __future__ import annotations

import subprocess
import sys

import pytest

WORK = """
import gc, sys, weakref
from v4graph import litter

class Loop:
    pass

alive = weakref.WeakSet()

def work():
    loop = Loop()
    loop.itself = loop
    alive.add(loop)
    return [[] for _ in range(1000)]  # looked for meanwhile, so that one in ten grows old

rules = [[n] for n in range(400_000)]
if sys.argv[1] == "kept":
    litter.keep()
else:
    gc.collect()
    gc.freeze()
for _ in range(1300):
    work()
print(len(alive))
"""


@pytest.mark.parametrize(("how", "many"), [("kept", range(50)), ("only frozen", range(80, 1300))])
def test_litter_does_not_wait_for_a_quarter_of_what_was_there(how: str, many: range) -> None:
    """The second case shows that the first one can fail."""
    if how != "kept" and sys.version_info >= (3, 12):
        pytest.skip("counts what is frozen as of Python 3.11")
    told = subprocess.run([sys.executable, "-c", WORK, how], capture_output=True, text=True, check=True)
    assert int(told.stdout) in many


END = """
import gc, os, sys
from v4graph.cli import app

class Loop:
    def __del__(self):
        os.write(1, b"looked through")

gc.set_threshold(10**9)  # nor before
loop = Loop()
loop.itself = loop
del loop
app(sys.argv[1:], standalone_mode=False)
"""


@pytest.mark.parametrize(("arguments", "found"), [(["version"], False), (["--help"], True)])
def test_a_command_ends_without_looking_through_what_there_is(arguments: list[str], found: bool) -> None:
    """Help comes before any command begins: the second case shows that the first one can fail."""
    told = subprocess.run([sys.executable, "-c", END, *arguments], capture_output=True, text=True, check=True)
    assert ("looked through" in told.stdout) is found
