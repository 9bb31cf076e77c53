"""Fixtures of the generated day's tests; see day.py."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), *(str(HERE.parent / name) for name in ("e2e", "faults", "sandbox"))]

import harness  # noqa: E402

TEST_TIMEOUT_S = 90


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test runs longer than its limit."""
    with harness.time_limit(TEST_TIMEOUT_S):
        yield


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not os.access(harness.BINARY, os.X_OK):
        pytest.exit(f"{harness.BINARY} is missing: build it, or set FLEXBREVO_BIN", 2)
