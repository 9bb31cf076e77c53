"""One seeded run: a workload, faults meanwhile, then peace, and the judge."""

import pathlib
import random
import shutil
import tempfile
import time

import harness
from faults import plan, timeline
from judge import judge, state_of
from laboratory import Laboratory, contacts
from workload import Workload

PATIENCE_S = 60         # after the faults, until all is settled
FRESH_S = 25            # P5: until a new event has passed


def workers_of(seed):
    return random.Random(f"{seed} workers").choice((1, 1, 2))


def clean_contacts(directory, seed, records):
    """What Brevo knows after the same story without a fault: what got through of it."""
    workload = Workload(seed)
    workload.one_more()             # recover() tells of it, too
    with Laboratory(directory, seed) as lab:
        lab.start()
        for post in workload.without_what_was_lost(lambda record: state_of(record, records)):
            lab.sender.add(post, time.monotonic())
        lab.sender.wait(PATIENCE_S)
        lab.wait_quiet(PATIENCE_S)
        return contacts(lab.sandbox)


def run(seed, directory):
    """A Verdict. Raises AssertionError where something did not happen in time."""
    workload = Workload(seed)
    faults = plan(seed, workers_of(seed), workload.span_s)
    with Laboratory(directory / "faulty", seed, workers_of(seed)) as lab:
        lab.start()
        suffer(lab, workload, faults)
        fresh_s = recover(lab, workload)
        lab.sender.wait(PATIENCE_S)
        lab.wait_quiet(PATIENCE_S)
        evidence = lab.evidence(workload)
        evidence.clean_contacts = clean_contacts(directory / "clean", seed, evidence.records)
        verdict = judge(evidence)
        verdict.counts["faults"] = len(faults)
        verdict.counts["looks"] = lab.sandbox.looks()
        verdict.counts["slowest fresh event, ms"] = round(1000 * fresh_s)
        lab.stop()
    return verdict


def suffer(lab, workload, faults):
    start = time.monotonic()
    for post in workload.posts:
        lab.sender.add(post, start + post.due_s)
    for at_s, happen in timeline(faults):
        time.sleep(max(0, start + at_s - time.monotonic()))
        happen(lab)
    lab.heal()


def recover(lab, workload):
    """P5: how long a fresh event takes once the faults are over."""
    began = time.monotonic()
    post = workload.one_more()
    effect = workload.fates[post.records[0]]
    lab.sender.add(post, began)
    harness.wait_until(
        lambda: any(receipt.effect == effect for receipt in lab.sandbox.receipts()),
        "P5: a fresh event after the faults", FRESH_S)
    return time.monotonic() - began


def run_in_own_directory(seed, keep):
    """(seed, Verdict or None, what went wrong, seconds). A failed run's files are kept."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"fb{seed}-"))
    began = time.monotonic()
    verdict, problems = None, []
    try:
        verdict = run(seed, directory)
        problems = verdict.breaches
    except Exception as error:      # whatever it is, it is this seed's, and the others go on
        problems = [f"{type(error).__name__}: {error}"]
    if problems:
        shutil.rmtree(keep / str(seed), ignore_errors=True)
        shutil.copytree(directory, keep / str(seed), ignore=shutil.ignore_patterns("*.sock"))
    shutil.rmtree(directory)
    return seed, verdict, problems, time.monotonic() - began
