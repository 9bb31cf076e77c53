"""A completion told by plugin, TaskRouter and Event Streams is one SUPPORT_RESOLVED."""

import itertools
import threading

import pytest

import harness
from harness import Task

ROUTES = ("callback", "stream", "plugin")


def drained(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")


@pytest.mark.parametrize("order", itertools.permutations(ROUTES), ids="-".join)
def test_in_any_order(caller, twilio, sandbox, flexbrevo, order):
    task = Task()
    for route in order:
        assert caller.send(getattr(twilio, route)(task)).status in (202, 204)
    sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    assert len(sandbox.events()) == 1


@pytest.mark.parametrize("order", itertools.permutations(ROUTES), ids="-".join)
def test_each_after_the_one_before_was_delivered(caller, twilio, sandbox, flexbrevo, order):
    task = Task()
    for route in order:
        assert caller.send(getattr(twilio, route)(task)).status in (202, 204)
        sandbox.wait_for_events(1)
        drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    assert len(sandbox.events()) == 1


def test_all_at_once(twilio, sandbox, flexbrevo):
    tasks = [Task() for _ in range(30)]
    together = threading.Barrier(len(ROUTES))
    statuses = []

    def tell(route):
        caller = flexbrevo.caller()
        for task in tasks:
            webhook = getattr(twilio, route)(task)
            together.wait()
            statuses.append(caller.send(webhook).status)

    threads = [threading.Thread(target=tell, args=(route,)) for route in ROUTES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {202, 204} and len(statuses) == 90
    sandbox.wait_for_events(len(tasks))
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    assert len(sandbox.events()) == len(tasks)


def test_a_storm_of_one_event_over_many_connections(twilio, sandbox, flexbrevo):
    task = Task()
    webhook = twilio.callback(task)
    statuses = []

    def tell():
        caller = flexbrevo.caller()
        statuses.extend(caller.send(webhook).status for _ in range(50))

    threads = [threading.Thread(target=tell) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [204] * 800
    sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    assert flexbrevo.metric("queue_accepted") == 1


def test_the_event_is_the_union_of_what_the_routes_knew(program, twilio, sandbox):
    flexbrevo = program(changes={"queue": {"plugin_wait": "3s"}}).start()
    caller = flexbrevo.caller()
    task = Task(queue="Billing")
    spoken = Task(sid=task.sid, customer=task.customer, queue="Somewhere else",
                  reservation_sid=task.reservation_sid)
    assert caller.send(twilio.plugin(spoken)).status == 202
    assert caller.send(twilio.callback(task)).status == 204
    event, = sandbox.wait_for_events(1)
    properties = event["event_properties"]
    assert properties["queue"] == "Billing"             # signed data wins
    assert properties["source_event_id"] == task.event_sid("task.completed")
    assert event["event_date"] == task.iso_time


def test_a_plugin_that_names_the_reservation_is_the_same_completion(caller, twilio, sandbox,
                                                                    flexbrevo):
    task = Task()
    assert caller.send(twilio.callback(task, "reservation.accepted")).status == 204
    slip = twilio.plugin(task, TaskSid=task.reservation_sid)
    assert caller.send(slip).status == 202
    assert caller.send(twilio.callback(task)).status == 204
    sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    assert len(sandbox.events()) == 1
