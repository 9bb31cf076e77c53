"""What a delivery says to Brevo, and what it leaves unsaid."""

import itertools
import json
import subprocess
import time

import pytest

import harness
from harness import Task


def drained(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")


def delayed(flexbrevo):
    status = harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1]
    return json.loads(status)["queue_delayed"]


def lookups(sandbox, email):
    path = "/contacts/" + email.replace("@", "%40")
    return [entry for entry in sandbox.requests("GET") if entry["path"].startswith(path)]


@pytest.mark.parametrize("remember, looks", [("15m", 1), ("0", 2)])
def test_a_contact_that_lacks_nothing_is_only_looked_up_or_not_even_that(
        program, twilio, sandbox, remember, looks):
    flexbrevo = program(changes={"brevo": {"remember_contacts": remember}}).start()
    caller = flexbrevo.caller()
    task = Task()
    caller.send(twilio.callback(task, "task.created"))
    sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert len(sandbox.requests("POST", "/contacts")) == 1
    caller.send(twilio.callback(task))
    sandbox.wait_for_events(2)
    drained(flexbrevo)
    assert len(sandbox.requests("POST", "/contacts")) == 1
    assert len(lookups(sandbox, task.customer.email)) == looks


def test_a_profile_fills_what_is_empty_and_overwrites_nothing(caller, twilio, sandbox, flexbrevo):
    first = Task()
    first.customer.name = "Zoltana First"
    caller.send(twilio.callback(first))
    sandbox.wait_for_events(1)
    before = dict(sandbox.contact(first.customer.email)["attributes"])
    assert before.pop("SUPPORT_TICKET_COUNT") == 1
    second = Task(customer=harness.Customer(
        first.customer.email, first.customer.phone, "Zoltana Second"))
    second.attributes = {"customer_tier": "gold"}
    caller.send(twilio.callback(second))
    sandbox.wait_for_events(2)
    drained(flexbrevo)
    after = sandbox.contact(first.customer.email)["attributes"]
    assert {name: after[name] for name in before} == before
    assert "Zoltana Second" not in str(after)


@pytest.mark.parametrize("fault", [
    {"status": 501, "body": "<html>"}, {"status": 204, "body": ""}, {"status": 200, "body": []}])
def test_a_brevo_that_serves_no_lookup_is_told_everything(caller, twilio, sandbox, fault):
    sandbox.fault("status", having="identifierType", count=-1, **fault)
    task = Task()
    assert caller.send(twilio.callback(task)).status == 204
    sandbox.wait_for_events(1)
    assert sandbox.contact(task.customer.email)["attributes"]["FIRSTNAME"] == "Zoltana"


def test_an_old_event_updates_the_contact_and_fires_nothing(caller, twilio, sandbox, flexbrevo):
    old = Task(time_ms=int((time.time() - 25 * 3600) * 1000))
    caller.send(twilio.callback(old))
    drained(flexbrevo)
    harness.wait_until(lambda: flexbrevo.metric(
        'events_filtered_total{reason="too_old_for_automation"}') == 1, "a filtered event")
    assert sandbox.contact(old.customer.email)["listIds"] == []     # joining one starts some, too
    assert sandbox.event_count() == 0


@pytest.mark.parametrize("remember", ["15m", "0"])
@pytest.mark.parametrize("is_known", [False, True])
def test_whom_an_old_event_told_of_joins_its_list_with_the_next_live_one(
        program, twilio, sandbox, remember, is_known):
    flexbrevo = program(changes={"brevo": {"remember_contacts": remember}}).start()
    caller, customer = flexbrevo.caller(), harness.Customer.new()
    if is_known:
        sandbox.brevo.account.create_contact({"email": customer.email})
    for age_h, lists in ((30, []), (0, [32]), (30, [32])):
        task = Task(customer=customer, time_ms=int((time.time() - age_h * 3600) * 1000))
        caller.send(twilio.callback(task))
        drained(flexbrevo)
        assert sandbox.contact(customer.email)["listIds"] == lists
    assert sandbox.contact(customer.email)["attributes"]["SUPPORT_TICKET_COUNT"] == 3
    assert sandbox.event_count() == 1


def test_what_twilio_repeats_for_hours_is_told_when_it_comes(caller, twilio, sandbox, flexbrevo):
    late = Task(time_ms=int((time.time() - 4.5 * 3600) * 1000))
    assert caller.send(twilio.stream(late)).status == 204
    event, = sandbox.wait_for_events(1)
    assert event["event_date"] == late.iso_time
    for again in (twilio.stream(late), twilio.callback(late)):
        assert caller.send(again).status == 204
    drained(flexbrevo)
    assert sandbox.tasks() == {late.sid: 1}


def test_events_of_one_task_keep_their_order(caller, twilio, sandbox, flexbrevo):
    tasks = [Task() for _ in range(10)]
    for task in tasks:
        caller.send(twilio.callback(task, "task.created"))
        caller.send(twilio.callback(task, "task.completed"))
    sandbox.wait_for_events(20)
    told = {}
    for event in sandbox.events():
        told.setdefault(event["event_properties"]["task_sid"], []).append(event["event_name"])
    assert told == {task.sid: ["SUPPORT_REQUESTED", "SUPPORT_RESOLVED"] for task in tasks}


def test_events_of_one_contact_are_not_sent_side_by_side(caller, twilio, sandbox, flexbrevo):
    """Two creations of one contact would race; the second finds it made."""
    customer = harness.Customer.new()
    caller.send(twilio.stream(*(Task(customer=customer) for _ in range(6))))
    sandbox.wait_for_events(6)
    names = [entry["body"]["attributes"].get("FIRSTNAME")
             for entry in sandbox.requests("POST", "/contacts")]
    assert names == ["Zoltana"]


def test_what_only_the_plugin_told_waits_for_its_signed_twin(program, twilio, sandbox):
    flexbrevo = program(changes={"queue": {"plugin_wait": "2s"}}).start()
    caller = flexbrevo.caller()
    task = Task()
    sent = time.time()
    assert caller.send(twilio.plugin(task)).status == 202
    sandbox.wait_for_events(1)
    assert sandbox.requests("POST", "/events")[0]["time"] - sent >= 1.8


def test_a_plugin_that_knows_nobody_still_adds_what_it_knows(caller, twilio, sandbox, flexbrevo):
    task = Task(queue="Billing")
    signed = task.callback("task.completed")
    del signed["TaskQueueName"]
    assert caller.send(twilio.plugin(task, TaskAttributes={})).status == 202
    harness.wait_until(lambda: delayed(flexbrevo) == 1, "a waiting record")
    assert caller.send(twilio.form(signed)).status == 204
    event, = sandbox.wait_for_events(1)
    assert event["event_properties"]["queue"] == "Billing"
    assert event["event_properties"]["source_event_id"] == signed["Sid"]


def test_a_completion_of_nobody_waits_for_the_plugin_to_name_one(
        caller, twilio, sandbox, flexbrevo):
    task = Task()
    signed = task.callback("task.completed") | {"TaskAttributes": "{}"}
    assert caller.send(twilio.form(signed)).status == 204
    harness.wait_until(lambda: delayed(flexbrevo) == 1, "a waiting record")
    assert caller.send(twilio.plugin(task)).status == 202
    event, = sandbox.wait_for_events(1)
    assert event["event_date"] == task.iso_time
    assert event["event_properties"]["source_event_id"] == signed["Sid"]


def test_a_plugin_long_after_a_completion_of_nobody_brings_back_what_twilio_said(
        caller, twilio, sandbox, flexbrevo):
    task = Task(queue="Billing")
    signed = task.callback("task.completed") | {"TaskAttributes": "{}"}
    assert caller.send(twilio.form(signed)).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_filtered") == 1, "a filtered record")
    late = twilio.plugin(task, TaskQueueFriendlyName="what the browser calls it")
    assert caller.send(late).status == 202
    event, = sandbox.wait_for_events(1)
    assert event["event_date"] == task.iso_time
    assert event["event_properties"]["queue"] == "Billing"
    assert flexbrevo.metric("queue_filtered") == 0


def test_a_pace_slower_than_a_delivery_still_delivers(program, twilio, sandbox):
    flexbrevo = program(changes={"brevo": {"max_rps": 0.25}}).start()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    sandbox.wait_for_events(1)
    assert len(lookups(sandbox, task.customer.email)) == 1


def test_a_full_redis_holds_up_what_must_be_stored_and_nothing_else(
        program, redis, twilio, sandbox):
    def limit(bytes_max):
        subprocess.run(["redis-cli", "-s", str(redis.socket), "config", "set", "maxmemory",
                        str(bytes_max)], check=True, stdout=subprocess.DEVNULL)

    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller = server.caller()
    tasks = [Task() for _ in range(5)]
    assert caller.send(twilio.callback(Task(), "reservation.accepted")).status == 204
    given_up = twilio.callback(Task(canceled_reason="merged"), "task.canceled")
    assert caller.send(given_up).status == 204      # its words find no room to be kept
    assert {caller.send(twilio.callback(task)).status for task in tasks} == {204}
    limit(1)
    program("work", changes={"redis": {"url": redis.url}}).start(wait=False)
    harness.wait_until(lambda: server.metric("queue_delivered") == 5, "five settled deliveries")
    harness.wait_until(lambda: server.metric("queue_filtered") == 1, "a settled cancellation")
    assert delayed(server) == 1
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    limit(0)


@pytest.mark.parametrize(
    "order", itertools.permutations(["fact", "plugin", "signed"]), ids="-".join)
def test_a_plugin_that_names_the_reservation_resolves_its_task_once(
        caller, twilio, sandbox, flexbrevo, order):
    task = Task()
    told = {"fact": twilio.callback(task, "reservation.accepted"),
            "plugin": twilio.plugin(task, TaskSid=task.reservation_sid),
            "signed": twilio.callback(task)}
    assert {caller.send(told[route]).status for route in order} == {202, 204}
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    # counted after Redis was told, so a moment after what `drained` looks at
    harness.wait_until(lambda: flexbrevo.metric('events_filtered_total{reason="folded"}') == 1,
                       "one folded record")


def test_a_plugin_that_names_the_reservation_is_enough(caller, twilio, sandbox, flexbrevo):
    task = Task()
    assert caller.send(twilio.plugin(task, TaskSid=task.reservation_sid)).status == 202
    harness.wait_until(lambda: delayed(flexbrevo) == 1, "a waiting record")
    assert caller.send(twilio.callback(task, "reservation.accepted")).status == 204
    drained(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}


def test_calls_are_logged_when_asked_for_without_saying_who(program, twilio, sandbox):
    flexbrevo = program(
        changes={"connectors": {"twilio_flex": {"log_api_calls": True}}}).start()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    sandbox.wait_for_events(1)
    drained(flexbrevo)
    calls = [line for line in flexbrevo.log().splitlines() if " brevo_call " in line]
    assert [line.split("endpoint=")[1].split(" ")[0] for line in calls] == [
        "contact_lookup", "contacts", "events"]
    assert all(f"key=task.completed/{task.sid}" in line for line in calls)
    # the harness looks through the whole log for addresses, phones and names
