"""Every allocation fails once: the process lives, and what it said is true.

The n-th allocation from now on fails, for each n, until a whole event passes without reaching it.
"""

import contextlib
import errno
import http.client
import signal

import pytest

import harness
from judge import judge
from laboratory import Laboratory
from shim import Shim
from workload import Workload

ALLOCATIONS_MAX = 3000      # more would mean that the loop does not end by itself
# How a library ends the program that has no memory for it: abort(), NULL, a division by zero.
DEADLY = {-signal.SIGABRT: "libhiredis.", -signal.SIGSEGV: "libjansson.",
          -signal.SIGFPE: "libcurl."}
PATIENCE_S = 60
DONE = (202, 204)


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)


class Starved:
    """A laboratory where allocations of one program fail.

    Three of its libraries end the program for lack of memory: hiredis 0.14 when it connects,
    jansson 2.14 when it reads an object, libcurl 7.88 when it sets up a transfer. That is a kill
    like any other: the program is started again. No other place may end it.
    """

    def __init__(self, lab, shim, name):
        self.lab, self.shim, self.name = lab, shim, name
        self.refused = set()            # libraries, in this life of the program

    def fail(self, after, count=1):
        self.shim.fail("allocate", errno.ENOMEM, after=after, count=count)

    def has_failed(self):
        self.refused.add(self.shim.refused_caller())
        return self.shim.hits("allocate") > 0

    def check_alive(self):
        """True when it was; else it lives again."""
        process = self.lab.programs[self.name].process
        if process.poll() is None:
            return True
        self.refused.add(self.shim.refused_caller())
        assert any(library.startswith(DEADLY.get(process.returncode, "none"))
                   for library in self.refused), (process.returncode, self.refused)
        self.refused.clear()
        self.shim.rest()
        self.lab.down.add(self.name)
        self.lab.revive(self.name)
        self.lab.programs[self.name].wait_ready()
        return False


@pytest.fixture
def starve(tmp_path, shim):
    with contextlib.ExitStack() as stack:
        def make(name):
            lab = Laboratory(tmp_path, environments={name: shim.environment}, samples=False)
            return Starved(stack.enter_context(lab).start(), shim, name)

        yield make


def nothing_told():
    workload = Workload("allocations", tasks=1)
    workload.posts.clear()
    return workload


def post_of(workload, way):
    """One more task, told in one way."""
    task = workload.task()
    streamed = []
    workload.by(way, task, "task.completed", streamed)
    workload.stream(streamed)
    return workload.posts[-1]


def send_once(lab, post):
    """The status, or None."""
    status = None
    caller = harness.Caller(lab.server_url())
    try:
        status = caller.send(post.webhook).status
    except (OSError, http.client.HTTPException):
        pass
    finally:
        caller.close()
    post.statuses.append(status)
    post.acknowledged = status in DONE
    return status


def assert_kept(starved, workload):
    starved.shim.rest()
    lab = starved.lab
    harness.wait_until(lambda: starved.check_alive() and lab.is_quiet(), "an empty queue",
                       PATIENCE_S)
    verdict = judge(lab.evidence(workload))
    # Without memory to hear an answer in, it is as good as hidden.
    assert [breach for breach in verdict.breaches if not breach.startswith("P4")] == []
    assert verdict.counts["acknowledged"] > 0
    lab.stop()


@pytest.mark.parametrize("way", ["callback", "stream", "plugin"])
@pytest.mark.parametrize("count", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_the_server_outlives_each_failed_allocation(starve, way, count):
    workload = nothing_told()
    starved = starve("server")
    lab = starved.lab
    for number in range(1, ALLOCATIONS_MAX):
        starved.fail(number, count)
        status = send_once(lab, post_of(workload, way))
        failed = starved.has_failed()
        starved.shim.rest()
        assert status in (None, *DONE, 503, 429), number
        if starved.check_alive() and not failed:
            break
        harness.wait_until(lambda: send_once(lab, post_of(workload, way)) in DONE,
                           f"all to be well again after the failure of number {number}")
    assert number > 10 and status in DONE
    assert_kept(starved, workload)


@pytest.mark.parametrize("first", [
    1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_the_worker_outlives_each_failed_allocation(starve, first):
    """Those of hiredis left out: nearly all are answers to a worker that asks for work."""
    workload = nothing_told()
    starved = starve("worker")
    starved.shim.spare("libhiredis.")
    lab = starved.lab
    missed = 0
    for number in range(first, ALLOCATIONS_MAX, 3):
        before = len(lab.sandbox.receipts())
        starved.fail(number)
        assert send_once(lab, post_of(workload, "callback")) == 204
        harness.wait_until(lambda: starved.has_failed() or len(lab.sandbox.receipts()) > before
                           or not starved.check_alive(), "the failure, or the event")
        missed = 0 if starved.has_failed() else missed + 1
        if missed == 3:                 # what was delayed before makes some ways shorter
            break
    assert number > 10
    assert_kept(starved, workload)
