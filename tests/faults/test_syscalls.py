"""Calls to the kernel fail, now and then, in one program or in Redis: nothing acknowledged is lost."""

import errno
import time

import pytest

import harness
from judge import judge
from laboratory import Laboratory
from shim import Shim
from workload import Workload

PATIENCE_S = 60
TASKS = 25

# program, call, error, each so many'th
QUICK = [
    ("server", "send", errno.ECONNRESET, 7),
    ("server", "accept", errno.EMFILE, 2),
    ("worker", "receive", errno.ECONNRESET, 7),
]
MORE = [
    ("server", "send", errno.ENOBUFS, 5),
    ("server", "send", errno.EINTR, 3),
    ("server", "receive", errno.ECONNRESET, 7),
    ("server", "receive", errno.EINTR, 3),
    ("server", "wait", errno.EINTR, 2),
    ("server", "accept", errno.ECONNABORTED, 2),
    ("server", "socket", errno.EMFILE, 2),
    ("server", "connect", errno.ECONNREFUSED, 2),
    ("worker", "send", errno.EPIPE, 7),
    ("worker", "send", errno.EINTR, 3),
    ("worker", "send", errno.EAGAIN, 3),
    ("worker", "receive", errno.EINTR, 3),
    ("worker", "wait", errno.EINTR, 2),
    ("worker", "socket", errno.EMFILE, 2),
    ("worker", "connect", errno.ETIMEDOUT, 2),
    ("worker", "write", errno.ENOSPC, 2),
]


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)


def send(lab, workload):
    start = time.monotonic()
    for post in workload.posts:
        lab.sender.add(post, start + post.due_s)


def all_is_kept(lab, workload, deaf=0):
    """`deaf` is how often an answer of Brevo's may have been lost on its last way, to the worker."""
    lab.sender.wait(PATIENCE_S)
    lab.wait_quiet(PATIENCE_S)
    verdict = judge(lab.evidence(workload))
    doubled = [breach for breach in verdict.breaches if breach.startswith("P4")]
    assert [breach for breach in verdict.breaches if breach not in doubled] == []
    assert len(doubled) <= deaf
    assert verdict.counts["acknowledged"] > 0
    lab.stop()


@pytest.mark.parametrize("name, call, error, every", QUICK + [
    pytest.param(*failure, marks=pytest.mark.slow) for failure in MORE])
def test_a_program_whose_calls_fail_loses_nothing(tmp_path, shim, name, call, error, every):
    workload = Workload(f"{name} {call} {error}", TASKS, span_s=1)
    with Laboratory(tmp_path, environments={name: shim.environment}, samples=False) as lab:
        lab.start()
        shim.fail(call, error, every=every)
        send(lab, workload)
        time.sleep(workload.span_s)
        hits = shim.hits(call)
        shim.rest()
        assert hits > 0
        all_is_kept(lab, workload, hits if (name, call) == ("worker", "receive") else 0)


@pytest.mark.parametrize("call, error", [("write", errno.ENOSPC), ("sync", errno.EIO)])
def test_a_redis_whose_disk_fails_ends_and_nothing_is_lost(tmp_path, shim, call, error):
    """appendfsync always: Redis answers nothing that is not on the disk, and ends at once."""
    workload = Workload(f"redis {call}", TASKS, span_s=1)
    lab = Laboratory(tmp_path, samples=False)
    with shim.over_children():
        lab.store.start()
    with lab:
        lab.start()
        process = lab.store.process
        send(lab, workload)
        time.sleep(workload.span_s / 2)
        shim.fail(call, error, count=1000)
        harness.wait_until(lambda: process.poll() is not None, "the end of Redis")
        shim.rest()
        assert shim.hits(call) > 0
        lab.down.add("redis")
        lab.revive("redis")
        all_is_kept(lab, workload)
