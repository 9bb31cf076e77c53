"""Redis away: events are acknowledged from the local spool, and drained in order when it is back."""

import os
import signal
import sqlite3
import time

import pytest

import harness
from harness import Task

ANSWER_S = 3            # what every caller is promised


@pytest.fixture
def flexbrevo(program, redis):
    return program(changes={"redis": {"url": redis.url}}).start()


@pytest.fixture
def hang(redis):
    """Redis takes what it is sent and says nothing, until it is woken."""
    class Hang:
        def begin(self):
            os.kill(redis.process.pid, signal.SIGSTOP)

        def end(self):
            os.kill(redis.process.pid, signal.SIGCONT)

    hang = Hang()
    yield hang
    if redis.process.poll() is None:
        hang.end()


def spooled(flexbrevo):
    return flexbrevo.metric("spool_pending")


def rows(flexbrevo, number=1):
    """(key, route) of what is in the file, oldest first."""
    path = flexbrevo.state_dir / f"spool-{number}.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        return [(key.decode(), route.decode()) for key, route in
                file.execute("SELECT key, route FROM events ORDER BY id")]


def stream(redis):
    """The records' keys in the queue, in its order."""
    return redis.do("xrange", "fb:{0}:stream", "-", "+").split("\n")[2::3]


def wait_drained(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metrics().get("flexbrevo_spool_pending") == 0,
                       lambda: f"a drained spool\n{flexbrevo.log()}")


def test_redis_killed_events_are_kept_and_then_delivered(
        flexbrevo, caller, redis, twilio, sandbox):
    redis.kill()
    tasks = [Task() for _ in range(20)]
    for task in tasks[:-2]:
        assert caller.send(twilio.callback(task)).status == 204
    assert caller.send(twilio.stream(tasks[-2])).status == 204
    assert caller.send(twilio.plugin(tasks[-1])).status == 202
    assert spooled(flexbrevo) == len(tasks)
    assert flexbrevo.is_ready()
    redis.start()
    wait_drained(flexbrevo)
    harness.wait_until(lambda: {t.sid for t in tasks} <= set(sandbox.tasks()), "all events")
    assert max(sandbox.tasks().values()) == 1
    assert flexbrevo.metric("unaccounted_events") == 0
    assert flexbrevo.metric("queue_accepted") == len(tasks)


def test_a_hang_is_taken_over_within_one_request(flexbrevo, caller, hang, twilio, sandbox):
    first, later = Task(), [Task() for _ in range(5)]
    hang.begin()
    began = time.monotonic()
    assert caller.send(twilio.callback(first)).status == 204
    assert time.monotonic() - began < ANSWER_S
    began = time.monotonic()
    for task in later:                          # these do not wait for Redis any more
        assert caller.send(twilio.callback(task)).status == 204
    assert time.monotonic() - began < 1
    hang.end()
    wait_drained(flexbrevo)
    harness.wait_until(
        lambda: {t.sid for t in [first, *later]} <= set(sandbox.tasks()), "all events")
    assert max(sandbox.tasks().values()) == 1   # the first had reached Redis after all
    assert flexbrevo.metric("queue_accepted") == 6


@pytest.mark.parametrize("setting", [("maxmemory", "1", "0"),
                                     ("min-replicas-to-write", "1", "0")])
def test_a_redis_that_refuses_writes_counts_as_away(
        flexbrevo, caller, redis, twilio, sandbox, setting):
    name, broken, mended = setting
    redis.do("config", "set", name, broken)
    tasks = [Task() for _ in range(5)]
    for task in tasks:
        assert caller.send(twilio.callback(task)).status == 204
    assert spooled(flexbrevo) == 5
    redis.do("config", "set", name, mended)
    wait_drained(flexbrevo)
    harness.wait_until(lambda: {t.sid for t in tasks} <= set(sandbox.tasks()), "all events")


def test_the_order_of_arrival_is_kept(program, redis, twilio):
    """While the spool drains, and after it, new events queue up behind the old ones."""
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller, sent = flexbrevo.caller(), []

    def send(count):
        for _ in range(count):
            task = Task()
            assert caller.send(twilio.callback(task)).status == 204
            sent.append("task.completed/" + task.sid)

    send(3)
    redis.kill()
    send(300)
    assert rows(flexbrevo) == [(key, "taskrouter") for key in sent[3:]]
    redis.start()
    while spooled(flexbrevo) > 0:
        send(10)
    send(50)
    assert stream(redis) == sent
