"""The benchmark works: every contestant that is installed keeps what it acknowledges."""

import json
import pathlib
import re
import subprocess

import harness
import pytest

pytestmark = pytest.mark.alone

BENCH = harness.ROOT / "tests" / "bench"
COMPARE = BENCH / "ingest" / "compare.py"
BUILD = pathlib.Path(harness.BINARY).parent


def compare(*arguments):
    return subprocess.run(
        ["/usr/bin/python3", COMPARE, "--build", BUILD, *arguments], capture_output=True,
        text=True, timeout=170)


@pytest.mark.slow
@pytest.mark.time_limit(180)
def test_a_quick_run_measures_all_that_is_installed(tmp_path):
    file = tmp_path / "results.json"
    done = compare("--quick", "--json", file)
    assert done.returncode == 0, done.stderr
    results = json.loads(file.read_text())
    entries = {(run["phase"], run["entry"]) for run in results["runs"]}
    assert {("limit", "ours"), ("limit", "ours_verified"), ("limit", "bare"), ("always", "ours"),
            ("batches", "ours"), ("many", "ours"), ("half", "ours"), ("low", "ours"),
            ("high", "ours")} <= entries
    assert all(run["accepted"] > 0 for run in results["runs"])
    ours = [run for run in results["runs"] if run["entry"] == "ours"]
    assert [run["stored"] for run in ours] == [run["expected"] for run in ours]
    assert results["flood"]["caused"] == {}
    again = compare("--from", file)
    assert again.returncode == 0 and again.stdout == done.stdout


def test_a_build_that_is_not_there_is_said(tmp_path):
    done = subprocess.run(
        ["/usr/bin/python3", COMPARE, "--quick", "--build", tmp_path], capture_output=True,
        text=True, timeout=20)
    assert done.returncode != 0 and "build it" in done.stderr


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_one_worker_and_two_are_measured_in_turn():
    done = subprocess.run(
        [BENCH / "deliver" / "workers.py", "--build", BUILD, "--rounds", "1", "--events", "40",
         "--latency", "0.02"], capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stderr
    assert re.search(r"one=\d+/s two=\d+/s ratio=\d+\.\d\d$", done.stdout.strip()), done.stdout
