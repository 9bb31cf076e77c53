"""What Brevo allows belongs to the account: all workers share it, however many there are."""
import pytest

import conftest
import harness
from harness import Task

WORKERS = 3
ALLOWED_RPS = 10


@pytest.fixture
def workers(config, redis, sandbox, tmp_path):
    """Each as on a host of its own, at Brevo's documented limits."""
    sandbox.brevo.rps = ALLOWED_RPS
    sandbox.brevo.reset()
    made = []
    for number in range(WORKERS):
        home = tmp_path / f"work{number}"
        home.mkdir()
        changed = conftest.merged(config, {
            "redis": {"url": redis.url}, "state_dir": str(home / "state"),
            "brevo": {"max_rps": "auto", "rate_share": 0.8}})
        made.append(harness.Flexbrevo(home, changed, "work"))
    yield made
    for worker in made:
        worker.close()


@pytest.fixture
def backlog(program, redis, twilio):
    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller = server.caller()

    def fill(count):
        tasks = [Task() for _ in range(count)]
        for task in tasks:
            assert caller.send(twilio.callback(task)).status == 204
        return {task.sid for task in tasks}

    return fill


def refused(sandbox):
    return [entry for entry in sandbox.requests() if entry["status"] == 429]


def test_three_workers_together_are_never_told_to_slow_down(workers, backlog, sandbox):
    tasks = backlog(30)
    for worker in workers:
        worker.start()
    harness.wait_until(lambda: set(sandbox.tasks()) == tasks, "all events", 25)
    assert refused(sandbox) == []
    assert max(sandbox.tasks().values()) == 1


def test_what_one_worker_is_told_all_of_them_heed(workers, backlog, sandbox):
    for worker in workers:
        worker.start()
    sandbox.fault("rate_limited", endpoint="GET *", having="identifierType", reset=3,
                  count=1)
    tasks = backlog(20)
    harness.wait_until(lambda: refused(sandbox), "the refusal")
    told_s = refused(sandbox)[0]["time"]
    harness.wait_until(lambda: set(sandbox.tasks()) == tasks, "all events", 25)
    asked_s = sorted(entry["time"] for entry in sandbox.requests("GET")
                     if entry["time"] > told_s)
    # Those under way when it was said still arrive; then there is silence.
    assert asked_s[-1] - told_s >= 3
    assert len([at for at in asked_s if told_s + 0.5 < at < told_s + 2.5]) == 0
