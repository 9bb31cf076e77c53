"""The wall clock of one process jumps while events flow: nothing is lost, doubled or stuck."""

import time

import pytest

from judge import judge
from laboratory import Laboratory
from shim import Shim
from workload import Workload

PATIENCE_S = 40
HOUR_S = 3600


@pytest.fixture
def shim(tmp_path):
    return Shim(tmp_path)


def flow(lab, workload, shim, jump_s):
    start = time.monotonic()
    for post in workload.posts:
        lab.sender.add(post, start + post.due_s)
    time.sleep(workload.span_s / 2)
    shim.clock(jump_s)
    time.sleep(workload.span_s / 2)
    lab.sandbox.clear()
    lab.sender.wait(PATIENCE_S)
    lab.wait_quiet(PATIENCE_S)
    verdict = judge(lab.evidence(workload))
    assert verdict.breaches == []
    assert verdict.counts["taken by Brevo"] > 0
    lab.stop()


@pytest.mark.parametrize("name", ["server", "worker"])
@pytest.mark.parametrize("jump_s", [
    pytest.param(HOUR_S, id="hour on"),
    pytest.param(-HOUR_S, id="hour back", marks=pytest.mark.slow),
    pytest.param(30 * 24 * HOUR_S, id="month on", marks=pytest.mark.slow),
    pytest.param(None, id="to 1970", marks=pytest.mark.slow),
])
def test_a_program_whose_clock_jumps(tmp_path, shim, name, jump_s):
    workload = Workload(f"{name} {jump_s}", 20, span_s=1)
    with Laboratory(tmp_path, environments={name: shim.environment}) as lab:
        lab.start()
        lab.sandbox.turn("500", 0.3)        # so that some are tried again, later
        flow(lab, workload, shim, -int(time.time()) + 60 if jump_s is None else jump_s)


@pytest.mark.parametrize("jump_s", [
    pytest.param(HOUR_S, id="hour on"),
    pytest.param(-5, id="seconds back", marks=pytest.mark.slow),
])
def test_a_redis_whose_clock_jumps(tmp_path, shim, jump_s):
    """Redis tells everybody the time: what is delayed is due early, or that much later."""
    workload = Workload(f"redis {jump_s}", 20, span_s=1)
    lab = Laboratory(tmp_path)
    with shim.over_children():
        lab.store.start()
    with lab:
        lab.start()
        lab.sandbox.turn("500", 0.2)
        flow(lab, workload, shim, jump_s)
