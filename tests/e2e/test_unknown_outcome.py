"""A send whose answer nobody heard: Brevo is asked before it is sent again."""

import time

import pytest
import redis as redis_client

import harness
from brevo_sandbox import Bucket
from harness import ByPhone, Customer, Task, sid

SOON = {"brevo": {"lookup_after": "300ms"}}


@pytest.fixture
def looking(program):
    return program(changes=SOON)


def looks(flexbrevo):
    """{result: how many}"""
    return {result: count for result in ("found", "absent", "failed", "limited", "forbidden")
            if (count := flexbrevo.metrics().get(
                f'flexbrevo_brevo_lookups_total{{result="{result}"}}', 0))}


def send(flexbrevo, twilio):
    task = Task()
    assert flexbrevo.caller().send(twilio.callback(task)).status == 204
    return task


def wait_settled(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metrics().get("flexbrevo_queue_delivered") == 1,
                       "a settled record")


HIDDEN = {"fault": "close", "apply": True}
UNDONE = {"fault": "status", "status": 502}


@pytest.mark.parametrize("fault, shown_late, result, sent, taken", [
    (HIDDEN, False, "found", 1, 1),
    (UNDONE, False, "absent", 2, 1),
    (HIDDEN, True, "absent", 2, 2),         # what Brevo does not show yet is no proof
], ids=("taken", "not taken", "taken and not shown"))
def test_it_is_sent_again_only_if_brevo_does_not_show_it(
        looking, twilio, sandbox, fault, shown_late, result, sent, taken):
    flexbrevo = looking.start()
    if shown_late:
        sandbox.fault("late_events", seconds=60)
    sandbox.fault(fault["fault"], endpoint="POST /events",
                  **{name: value for name, value in fault.items() if name != "fault"})
    task = send(flexbrevo, twilio)
    wait_settled(flexbrevo)
    assert len(sandbox.requests("POST", "/events")) == sent
    assert sandbox.tasks() == {task.sid: taken}
    assert looks(flexbrevo) == {result: 1}
    first = sandbox.requests("POST", "/events")[0]
    look = next(entry for entry in sandbox.requests("GET") if entry["path"].startswith("/events?"))
    assert look["time"] - first["time"] >= 0.3 and look["status"] == 200
    delivered = 'events_delivered_total{event="SUPPORT_RESOLVED"}'
    harness.wait_until(lambda: flexbrevo.metric(delivered) == 1, "its count")


def test_what_a_killed_worker_had_sent_is_found(looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.fault("hang", endpoint="POST /events", seconds=60, apply=True)
    task = send(flexbrevo, twilio)
    harness.wait_until(lambda: sandbox.requests("POST", "/events"), "the event on its way")
    flexbrevo.kill()
    flexbrevo.start()
    wait_settled(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1}
    assert looks(flexbrevo) == {"found": 1}


def ask_and_lose_the_answer(flexbrevo, twilio, sandbox, task, dies):
    """Brevo takes the event, and hangs up; or the worker is killed while it waits."""
    fault = {"fault": "hang", "seconds": 60} if dies else {"fault": "close"}
    sandbox.fault(fault.pop("fault"), endpoint="POST /events", apply=True, **fault)
    assert flexbrevo.caller().send(twilio.callback(task, "task.created")).status == 204
    harness.wait_until(lambda: sandbox.requests("POST", "/events"), "the event on its way")
    if dies:
        flexbrevo.kill()
        flexbrevo.start()


@pytest.mark.parametrize("dies", (False, True), ids=("close", "killed"))
def test_it_is_looked_for_at_the_contact_it_was_sent_to(program, twilio, sandbox, dies):
    """Known by phone when it was sent, by e-mail when it is looked for: two contacts."""
    flexbrevo = program(changes={"brevo": {"lookup_after": "2s"}}).start()
    known = Customer.new()
    sandbox.brevo.account.create_contact({"email": known.email})
    task = Task(customer=ByPhone(known.phone))
    ask_and_lose_the_answer(flexbrevo, twilio, sandbox, task, dies)
    task.customer = known
    assert flexbrevo.caller().send(twilio.callback(task, "task.updated")).status == 204
    wait_settled(flexbrevo)
    assert len(sandbox.events()) == 1
    assert looks(flexbrevo) == {"found": 1}
    look, = [entry["path"] for entry in sandbox.requests("GET")
             if entry["path"].startswith("/events?")]
    assert look.count("contact_id=") == 2


@pytest.mark.parametrize("dies", (False, True), ids=("close", "killed"))
def test_a_doubt_is_looked_into_though_its_ticket_gets_a_better_name(
        program, twilio, sandbox, dies):
    flexbrevo = program(changes={"brevo": {"lookup_after": "2s"}}).start()
    task = Task(attributes={"flexInteractionSid": sid("KD")})
    ask_and_lose_the_answer(flexbrevo, twilio, sandbox, task, dies)
    task.attributes["conversations"] = {"conversation_id": "matter-1"}
    assert flexbrevo.caller().send(twilio.callback(task, "task.updated")).status == 204
    wait_settled(flexbrevo)
    assert len(sandbox.events()) == 1
    assert looks(flexbrevo) == {"found": 1}


def test_what_was_certainly_not_taken_is_sent_again_without_a_look(looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.fault("rate_limited", endpoint="POST /events", reset=0)
    sandbox.fault("key_revoked", endpoint="POST /events")
    sandbox.fault("status", endpoint="POST /events", status=408)
    task = send(flexbrevo, twilio)
    wait_settled(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1} and looks(flexbrevo) == {}


def test_a_key_that_may_not_look_sends_all_the_same(looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.fault("forbidden", endpoint="GET /events", count=-1)
    for number in (1, 2):
        sandbox.fault("close", endpoint="POST /events", apply=True)
        task = send(flexbrevo, twilio)
        harness.wait_until(lambda: sandbox.tasks().get(task.sid) == 2, "it twice")
        harness.wait_until(lambda: looks(flexbrevo) == {"forbidden": number}, "a look refused")
    assert len([e for e in sandbox.requests("GET") if e["path"].startswith("/events?")]) == 1
    assert flexbrevo.metric("brevo_lookups_forbidden") == 1
    assert flexbrevo.log().count(" lookups_forbidden ") == 1
    assert " paused " not in flexbrevo.log()


def test_when_the_hours_looks_are_used_up_it_is_sent_again(looking, twilio, sandbox, tmp_path):
    flexbrevo = looking.start()
    with redis_client.Redis(unix_socket_path=str(tmp_path / "state" / "redis.sock")) as client:
        client.hset("fb:budget:lookups", mapping={"n": 0, "at": int(time.time() * 1000)})
    sandbox.fault("close", endpoint="POST /events", apply=True)
    task = send(flexbrevo, twilio)
    wait_settled(flexbrevo)
    assert sandbox.tasks() == {task.sid: 2} and looks(flexbrevo) == {"limited": 1}


def test_a_look_that_fails_is_tried_again(looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.fault("close", endpoint="POST /events", apply=True)
    sandbox.fault("status", endpoint="GET /events", status=503)
    task = send(flexbrevo, twilio)
    wait_settled(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1} and looks(flexbrevo) == {"found": 1}


def looked_at(sandbox):
    return [entry["time"] for entry in sandbox.requests("GET")
            if entry["path"].startswith("/events?")]


def test_a_look_that_brevo_says_is_too_many_is_taken_again_when_it_has_waited(
        looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.fault("close", endpoint="POST /events", apply=True)
    sandbox.fault("status", endpoint="GET /events", status=429, headers={"Retry-After": "2"})
    task = send(flexbrevo, twilio)
    wait_settled(flexbrevo)
    assert sandbox.tasks() == {task.sid: 1} and looks(flexbrevo) == {"found": 1}
    refused, answered = looked_at(sandbox)
    assert answered - refused >= 1.9
    assert not any("brevo_paused{" in name for name in flexbrevo.metrics())
    assert flexbrevo.metric("queue_parked") == 0


def test_the_last_look_that_brevo_allows_counts_and_the_next_event_is_not_held_up(
        looking, twilio, sandbox):
    flexbrevo = looking.start()
    sandbox.brevo.buckets["other"] = Bucket(1, 3600)
    for result in ("found", "limited"):
        sandbox.fault("close", endpoint="POST /events", apply=True)
        task = send(flexbrevo, twilio)
        harness.wait_until(lambda: looks(flexbrevo).get(result) == 1, result)
    harness.wait_until(lambda: sandbox.tasks()[task.sid] == 2, "it again")
    assert len(looked_at(sandbox)) == 1


def test_of_two_answers_of_one_task_the_one_is_not_taken_for_the_other(program, twilio, sandbox):
    """One contact, one name, one date, and out of the same bytes."""
    surveys = [{"in": "support_task", "score": f"rating.{name}", "survey_id": name}
               for name in ("csat", "stars")]
    flexbrevo = program(changes={"brevo": {"lookup_after": "1s"},
                                 "csat": {"extractors": surveys, "settle": "100ms"}}).start()
    sandbox.fault("status", endpoint="POST /events", status=502, having='"stars"')
    task = Task(attributes={"rating": {"csat": "4", "stars": "5"}})
    assert flexbrevo.caller().send(twilio.callback(task, "task.completed")).status == 204
    harness.wait_until(lambda: flexbrevo.metrics().get("flexbrevo_queue_delivered") == 3,
                       "the end and both answers")
    answers = [event["event_properties"] for event in sandbox.events()
               if event["event_name"] == "CSAT_SUBMITTED"]
    assert sorted(one["survey_id"] for one in answers) == ["csat", "stars"]
    assert len({one["source_event_id"] for one in answers}) == 2
    assert looks(flexbrevo) == {"absent": 1}
