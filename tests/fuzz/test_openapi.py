"""Schemathesis over the OpenAPI description: what it promises is what comes, for nobody and for partners."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.fuzz import FULL
from tests.web.partners import Instance

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
HOW = ["--phases", "coverage,fuzzing", "-n", "60"] if FULL else ["--phases", "fuzzing", "-n", "1"]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", [None, "publisher"])
def test_the_description_is_kept(target: Instance, role: str | None) -> None:
    token = [] if role is None else ["--header", f"Authorization: Bearer {target.secrets[role]}"]
    words = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{target.server.url}/openapi.json",
        "--checks", ",".join(CHECKS), *HOW, "--seed", "2026", "--continue-on-failure", "--warnings", "off",
        "--request-timeout", "60", *token,
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    [tested] = re.findall(r"Tested: (\d+)", done.stdout)
    [calls] = re.findall(r"(\d+) generated", done.stdout)
    print(f"\n{tested} operations, {calls} calls")
    assert int(tested) > 70
