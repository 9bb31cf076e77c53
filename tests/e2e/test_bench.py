"""The benchmarks work: each of them, made short, measures what it says."""

import json
import pathlib
import re
import subprocess

import harness
import pytest

BENCH = harness.ROOT / "tests" / "bench"
COMPARE = BENCH / "ingest" / "compare.py"
BUILD = pathlib.Path(harness.BINARY).parent


def compare(*arguments):
    return subprocess.run(
        ["/usr/bin/python3", COMPARE, "--build", BUILD, *arguments], capture_output=True,
        text=True, timeout=170)


@pytest.mark.alone
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


def deliver(script, *arguments):
    done = subprocess.run([BENCH / "deliver" / script, "--build", BUILD, *arguments],
                          capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.time_limit(180)
def test_one_worker_and_two_are_measured_in_turn():
    said = deliver("workers.py", "--rounds", "1", "--events", "40", "--latency", "0.02")
    assert re.search(r"one=\d+/s two=\d+/s ratio=\d+\.\d\d$", said), said


@pytest.mark.slow
@pytest.mark.time_limit(180)
def test_a_backlog_is_measured_with_batches_and_without():
    said = deliver("backlog.py", "--events", "30", "--contacts", "6")
    shape = r"events=30 contacts=6 seconds=\S+ calls_an_event=\S+ of_events=\S+ batches="
    assert re.search(rf"^batch=true {shape}\d+ .*\nbatch=false {shape}0 singles=30$", said), said


@pytest.mark.slow
@pytest.mark.time_limit(180)
def test_after_an_outage_brevo_has_everything_once_and_what_was_predicted_is_told():
    said = deliver("outage.py", "--before", "6", "--outage", "8", "--after", "4", "--pace", "2",
                   "--settle", "5")
    assert re.search(r"as usual after \d+ s, predicted \d+: ", said), said
    assert re.search(r"differences=0 ", said), said
