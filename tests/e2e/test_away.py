"""Brevo is away: nobody's attempts are spent on it, one record at a time looks, and all go on at once."""

import re
import time

import harness
from harness import Task

AWAY = 'brevo_paused{cause="away"}'


def wait_for_pause(flexbrevo, value):
    harness.wait_until(lambda: flexbrevo.metric(AWAY) == value, f"away {value}")


def attempts(flexbrevo):
    return [int(number) for number in re.findall(
        r" delivered key=\S+ event=\S+ attempt=(\d+)", flexbrevo.log())]


def test_an_outage_costs_a_few_attempts_and_no_record_waits_for_its_own_next_one(
        caller, twilio, sandbox, flexbrevo):
    sandbox.stop()
    tasks = [Task() for _ in range(100)]
    assert caller.send(twilio.stream(*tasks)).status == 204
    wait_for_pause(flexbrevo, 1)
    more = [Task() for _ in range(100)]
    assert caller.send(twilio.stream(*more)).status == 204      # ingest goes on
    sandbox.start()
    sandbox.wait_for_events(200)
    wait_for_pause(flexbrevo, 0)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks + more}
    assert sum(attempts(flexbrevo)) < 200 + 40
    assert flexbrevo.log().count(" retry ") < 40


def test_a_gateway_that_answers_for_it_leaves_few_events_in_doubt(
        program, twilio, sandbox):
    flexbrevo = program(changes={"brevo": {"lookup_after": "1s"}}).start()
    sandbox.fault("html_524", count=-1)
    tasks = [Task() for _ in range(100)]
    assert flexbrevo.caller().send(twilio.stream(*tasks)).status == 204
    wait_for_pause(flexbrevo, 1)
    sandbox.heal()
    sandbox.wait_for_events(100)
    wait_for_pause(flexbrevo, 0)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    assert sum(attempts(flexbrevo)) < 100 + 40


def test_an_outage_longer_than_events_may_be_told_ends_though_none_is_left_to_tell(
        program, twilio, sandbox):
    """What is too old by then never asks for what failed."""
    flexbrevo = program(changes={"brevo": {"max_event_age": "6s"}}).start()
    sandbox.fault("status", endpoint="POST /events", status=502, count=-1)
    tasks = [Task() for _ in range(60)]
    assert flexbrevo.caller().send(twilio.stream(*tasks)).status == 204
    wait_for_pause(flexbrevo, 1)
    harness.wait_until(lambda: time.time() * 1000 > tasks[-1].time_ms + 7000, "all are too old")
    sandbox.heal()
    wait_for_pause(flexbrevo, 0)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "all is settled")
    assert len(sandbox.contacts()) == 60
