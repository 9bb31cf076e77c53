"""A Redis that is nearly full is spared new events while workers make room; openly, and not for good."""

import subprocess

import pytest

import harness
from harness import Task

FULL = 'redis_degraded{cause="memory_full"}'


@pytest.fixture
def memory(redis):
    """Lets so many percent of maxmemory be used; 60 MB that are not ours keep the figure steady."""
    redis.do("SETRANGE", "ballast", 60_000_000, "x")

    def use(percent):
        info = subprocess.run(["redis-cli", "-s", str(redis.socket), "info", "memory"],
                              check=True, capture_output=True, text=True).stdout
        used = int(harness.re.search(r"used_memory:(\d+)", info)[1])
        redis.do("CONFIG", "SET", "maxmemory", used * 100 // percent)
    return use


def wait_full(flexbrevo, value):
    harness.wait_until(lambda: flexbrevo.metric(FULL) == value, f"memory_full {value}")


def command(flexbrevo, name):
    assert harness.run_command(name, "--config", flexbrevo.config_file)[0] == 0


def test_new_events_go_to_the_spool_while_what_is_in_redis_is_delivered(
        program, redis, memory, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    caller = flexbrevo.caller()
    before, meanwhile = Task(), [Task() for _ in range(5)]
    command(flexbrevo, "pause")
    assert caller.send(twilio.callback(before)).status == 204
    memory(96)
    wait_full(flexbrevo, 1)
    for task in meanwhile:
        assert caller.send(twilio.callback(task)).status == 204
    assert flexbrevo.metric("spool_pending") == 5
    status, text = flexbrevo.admin("/readyz?verbose")
    assert status == 200 and "redis degraded: memory_full:" in text
    command(flexbrevo, "resume")
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 1, "the settlement")
    assert sandbox.tasks() == {before.sid: 1}
    assert flexbrevo.metric("queue_accepted") == 1
    memory(50)
    wait_full(flexbrevo, 0)
    sandbox.wait_for_events(6)
    assert sandbox.tasks() == {task.sid: 1 for task in [before, *meanwhile]}
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 6, "all settlements")
    log = flexbrevo.log()
    assert log.count("redis_degraded cause=memory_full") == 1
    assert log.count("redis_mended cause=memory_full") == 1


def test_without_a_spool_callers_are_asked_to_come_again(program, redis, memory, twilio):
    flexbrevo = program("serve", changes={
        "redis": {"url": redis.url}, "queue": {"spool_max": 0}}).start()
    caller, task = flexbrevo.caller(), Task()
    webhooks = (twilio.callback(task), twilio.stream(task), twilio.plugin(task))
    memory(96)
    wait_full(flexbrevo, 1)
    assert [caller.send(webhook).status for webhook in webhooks] == [503, 503, 429]
    assert flexbrevo.metric('requests_rejected_total{source="taskrouter",reason="redis_full"}') == 1
    assert flexbrevo.admin("/readyz")[0] == 503
    assert redis.do("XLEN", "fb:{0}:stream") in (0, "0")
    memory(50)
    wait_full(flexbrevo, 0)
    assert [caller.send(webhook).status for webhook in webhooks] == [204, 204, 202]
    assert flexbrevo.admin("/readyz")[0] == 200
