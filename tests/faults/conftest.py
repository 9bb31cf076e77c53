"""Fixtures of the fault laboratory's tests. They need a build with -Dcrash_points=true."""

import os
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "sandbox")]
os.environ.setdefault("FLEXBREVO_BIN", str(HERE.parents[1] / "build-faults" / "flexbrevo"))
# Of every process the tests are shared out to.
os.environ.setdefault("FLEXBREVO_SEED", str(time.time_ns() % 1_000_000))

import harness  # noqa: E402
from laboratory import Laboratory  # noqa: E402

TEST_TIMEOUT_S = 90


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: minutes; not part of a quick run")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test, its fixtures included, runs longer than its limit."""
    with harness.time_limit(TEST_TIMEOUT_S):
        yield


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not os.access(harness.BINARY, os.X_OK):
        pytest.exit(f"{harness.BINARY} is missing: build it with -Dcrash_points=true", 2)


@pytest.fixture
def lab(tmp_path):
    """Everything, running; what is left of it is killed in the end."""
    with Laboratory(tmp_path) as lab:
        yield lab.start()
        lab.sandbox.check()
