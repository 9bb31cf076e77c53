"""Redis killed: nothing is acknowledged that is not durable, and everything comes back alone.

FLEXBREVO_REDIS_KILLS is how often under load (3), FLEXBREVO_SEED repeats a run's choices.
"""

import http.client
import os
import random
import signal
import subprocess
import time
import urllib.parse

import pytest

import harness
from harness import Task

KILLS = int(os.environ.get("FLEXBREVO_REDIS_KILLS", "3"))
SEED = int(os.environ.get("FLEXBREVO_SEED", str(time.time_ns() % 1_000_000)))


@pytest.fixture
def flexbrevo(program, redis):
    return program(changes={"redis": {"url": redis.url}}).start()


def test_away_without_a_spool_is_503_and_for_the_plugin_429_then_all_is_well(
        program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}, "queue": {"spool_max": 0}}).start()
    caller = flexbrevo.caller()
    before, after = Task(), Task()
    assert caller.send(twilio.callback(before)).status == 204
    redis.kill()
    lost = [Task(), Task(), Task()]
    for webhook, status in ((twilio.callback(lost[0]), 503), (twilio.stream(lost[1]), 503),
                            (twilio.plugin(lost[2]), 429)):
        answer = caller.send(webhook)
        assert answer.status == status
        assert answer.error()["code"]
    assert int(answer.headers["Retry-After"]) > 0
    assert flexbrevo.admin("/readyz")[0] == 503
    assert flexbrevo.admin("/livez")[0] == 200
    redis.start()
    harness.wait_until(lambda: caller.send(twilio.callback(after)).status == 204, "a 204")
    harness.wait_until(flexbrevo.is_ready, "readiness")
    sandbox.wait_for_tasks({before.sid, after.sid})
    assert max(sandbox.tasks().values()) == 1


@pytest.mark.parametrize("hook", ["onMessageAdd", "onConversationAdd", "onConversationUpdate"])
def test_a_hook_that_holds_up_a_message_is_let_through_without_redis(
        program, redis, twilio, hook):
    """Nobody should make us the pre-action URL; whoever does loses no message while we can speak."""
    caller = program("serve", changes={"redis": {"url": redis.url},
                                       "queue": {"spool_max": 0}}).start().caller()
    redis.kill()
    answer = caller.send(twilio.form(
        {"EventType": hook, "ConversationSid": harness.sid("CH"), "Body": "Hello"},
        "/webhooks/conversations"))
    assert (answer.status, answer.body) == (200, b"")   # a body would change the message


def test_a_start_without_redis_waits_for_it(program, redis, twilio, sandbox):
    redis.kill()
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start(wait=False)
    redis.start()
    flexbrevo.wait_ready()
    task = Task()
    assert flexbrevo.caller().send(twilio.callback(task)).status == 204
    sandbox.wait_for_events(1)


# A claim whose answer died with Redis is taken over when its deadline, 65 s, has passed.
@pytest.mark.time_limit(120 + 5 * KILLS)
def test_killed_under_load_loses_nothing(flexbrevo, redis, twilio, sandbox, capsys):
    choose = random.Random(SEED)
    load = harness.Load(flexbrevo, sandbox, twilio).start()
    for _ in range(KILLS):
        goal = len(load.acknowledged) + choose.randrange(20, 120)
        harness.wait_until(lambda: len(load.acknowledged) >= goal, "load to be acknowledged", 60)
        redis.kill()
        redis.start()
    goal = sandbox.event_count() + 100
    harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered again", 60)
    load.stop()
    load.wait_delivered(95)
    times = sandbox.tasks()
    with capsys.disabled():
        print(f"\nredis_kills={KILLS} acknowledged={len(load.acknowledged)} "
              f"delivered={len(times)} lost={len(load.acknowledged - set(times))} "
              f"doubled={sum(times.values()) - len(times)} seed={SEED}")
    assert load.refused == []
    assert set(times) <= load.sent
    assert flexbrevo.metric("unaccounted_events") == 0


def test_the_embedded_redis_is_started_again_when_it_dies(program, twilio, sandbox):
    flexbrevo = program().start()
    task = Task()
    child, = flexbrevo.children()
    os.kill(child, signal.SIGKILL)
    harness.wait_until(
        lambda: flexbrevo.caller().send(twilio.callback(task)).status == 204, "a 204")
    sandbox.wait_for_events(1)
    assert flexbrevo.children() != [child]


def test_an_emptied_redis_is_an_alarm_and_does_not_stop_the_worker(flexbrevo, caller, redis, twilio, sandbox):
    caller.send(twilio.callback(Task()))
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    redis_cli(redis, "flushall")
    task = Task()
    harness.wait_until(lambda: caller.send(twilio.callback(task)).status == 204, "a 204")
    harness.wait_until(lambda: sandbox.tasks()[task.sid] == 1, "the event after the flush")
    assert " error redis_emptied " in flexbrevo.log()


def test_an_entry_without_its_record_is_an_alarm(flexbrevo, redis):
    redis_cli(redis, "xadd", "fb:{0}:stream", "*", "k", "task.completed/WTnobody")
    harness.wait_until(lambda: " error records_missing count=1" in flexbrevo.log(), "an alarm")
    harness.wait_until(lambda: flexbrevo.metric("unaccounted_events") != 0, "the gauge")


def redis_cli(redis, *arguments):
    subprocess.run(["redis-cli", "-s", str(redis.socket), *arguments], check=True,
                   stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_health_checker_may_ask_by_head(flexbrevo, path):
    address = urllib.parse.urlsplit(flexbrevo.admin_url).netloc
    connection = http.client.HTTPConnection(address, timeout=5)
    for method, status in (("HEAD", 200), ("POST", 405), ("HEAD", 200)):
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, b""), method
    connection.close()
