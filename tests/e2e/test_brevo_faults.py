"""Each way Brevo can refuse, and what is made of it."""

import pytest

import harness
from harness import Task


def send_one(caller, twilio, **more):
    task = Task(**more)
    assert caller.send(twilio.callback(task)).status == 204
    return task


def parked(flexbrevo, reason):
    return flexbrevo.metric(f'events_parked_total{{reason="{reason}"}}')


def paused(flexbrevo, cause):
    return flexbrevo.metric(f'brevo_paused{{cause="{cause}"}}')


@pytest.mark.parametrize("fault, endpoint, cause, remedy", [
    ("ip_blocked", "*", "ip_blocked", "https://app.brevo.com/security/authorised_ips"),
    ("key_revoked", "*", "unauthorized", "BREVO_API_KEY"),
    ("forbidden", "POST /events", "forbidden_events", "events"),
    ("forbidden", "POST /contacts", "forbidden_contacts", "contacts"),
])
def test_a_pause_names_cause_and_remedy_and_ends_by_itself(
        caller, twilio, sandbox, flexbrevo, fault, endpoint, cause, remedy):
    sandbox.fault(fault, endpoint=endpoint, count=-1)
    tasks = [send_one(caller, twilio) for _ in range(3)]
    harness.wait_until(lambda: paused(flexbrevo, cause) == 1, f"a pause for {cause}")
    line = next(line for line in flexbrevo.log().splitlines() if f"paused cause={cause}" in line)
    assert " error " in line and remedy in line
    sandbox.heal()
    sandbox.wait_for_events(3)
    harness.wait_until(lambda: paused(flexbrevo, cause) == 0, f"the end of {cause}")
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    assert flexbrevo.metric("queue_parked") == 0
    assert flexbrevo.log().count(f"paused cause={cause}") == 1


def test_a_pause_left_by_a_killed_worker_is_taken_back(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.fault("key_revoked", count=-1)
    task = send_one(flexbrevo.caller(), twilio)
    harness.wait_until(lambda: paused(flexbrevo, "unauthorized") == 1, "a pause")
    flexbrevo.kill()
    sandbox.heal()
    flexbrevo.start()
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}
    harness.wait_until(lambda: "unauthorized" not in harness.run_command(
        "status", "--json", "--config", flexbrevo.config_file)[1], "no pause shown")


def test_a_rate_limit_is_waited_for_and_costs_no_attempt(caller, twilio, sandbox, flexbrevo):
    sandbox.fault("rate_limited", endpoint="POST /events", reset=2, count=1)
    task = send_one(caller, twilio)
    sandbox.wait_for_events(1)
    first, second = sandbox.requests("POST", "/events")
    assert second["time"] - first["time"] >= 1.9
    harness.wait_until(lambda: " delivered " in flexbrevo.log(), "the delivery in the log")
    line = next(line for line in flexbrevo.log().splitlines() if " delivered " in line)
    assert " attempt=1 " in line
    assert sandbox.tasks() == {task.sid: 1}


@pytest.mark.parametrize("status, reason", [
    (402, "payment_required"), (400, "rejected"), (404, "rejected"), (422, "rejected")])
def test_what_brevo_will_never_take_is_parked_with_a_reason(
        caller, twilio, sandbox, flexbrevo, status, reason):
    sandbox.fault("status", endpoint="POST /events", status=status, count=1,
                  body={"code": "made_up_code", "message": "zoltan@example.com is no good"})
    task = send_one(caller, twilio)
    harness.wait_until(lambda: parked(flexbrevo, reason) == 1, "a parked record")
    harness.wait_until(lambda: " parked " in flexbrevo.log(), "it in the log")
    line = next(line for line in flexbrevo.log().splitlines() if " parked " in line)
    assert task.sid in line and f"status={status}" in line and "made_up_code" in line
    assert sandbox.event_count() == 0


def test_what_passes_by_itself_is_retried(caller, twilio, sandbox, flexbrevo):
    """Each of these once, to another task: they wait for their next attempts at the same time."""
    statuses = [408, 409, 425, 500, 502, 503, 522]
    for status in statuses:
        sandbox.fault("status", endpoint="POST /contacts", status=status, count=1)
    tasks = [send_one(caller, twilio) for _ in statuses]
    sandbox.wait_for_events(len(tasks))
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    for status in statuses:
        assert flexbrevo.log().count(f" status={status}\n") == 1


def test_an_answer_that_never_came_is_retried_and_said_to_be_ambiguous(
        caller, twilio, sandbox, flexbrevo):
    """Brevo took the event and hid its answer: the one way to a duplicate, and it is told."""
    sandbox.fault("close", endpoint="POST /events", count=1, apply=True)
    task = send_one(caller, twilio)
    sandbox.wait_for_events(2)
    assert sandbox.tasks() == {task.sid: 2}
    assert flexbrevo.log().count("maybe_duplicate=yes") == 1
    assert flexbrevo.metric(
        'brevo_requests_total{endpoint="events",status="no_answer"}') == 1


SMS_REFUSED = {"code": "invalid_parameter", "message": "refused",
               "metadata": {"duplicate_identifiers": ["SMS"]}}


def test_an_identifier_is_dropped_by_name_first_and_then_all_but_the_best(
        caller, twilio, sandbox, flexbrevo):
    sandbox.fault("status", endpoint="POST /contacts", status=400, body=SMS_REFUSED, count=3)
    task = send_one(caller, twilio)
    sandbox.wait_for_events(1)
    bodies = [e["body"] for e in sandbox.requests("POST", "/contacts")]
    names = [set(body.get("attributes", {})) & {"SMS", "WHATSAPP"} for body in bodies]
    both = {"SMS", "WHATSAPP"}      # twice: whose is it? nobody's, then or now
    assert names == [both, both, {"WHATSAPP"}, set()]
    assert sandbox.tasks() == {task.sid: 1}


def test_an_identifier_refused_when_none_is_left_to_drop_parks_the_record(
        caller, twilio, sandbox, flexbrevo):
    sandbox.fault("status", endpoint="POST /contacts", status=400, body=SMS_REFUSED, count=4)
    send_one(caller, twilio)
    harness.wait_until(lambda: parked(flexbrevo, "identifier_refused") == 1, "a parked record")
    assert len(sandbox.requests("POST", "/contacts")) == 4
    assert sandbox.event_count() == 0


def test_a_slow_brevo_holds_nobody_else_up(caller, twilio, sandbox, flexbrevo):
    sandbox.fault("delay", endpoint="POST /events", seconds=8, count=1)
    tasks = [send_one(caller, twilio)]
    harness.wait_until(lambda: sandbox.requests("POST", "/contacts"), "the first one under way")
    tasks += [send_one(caller, twilio) for _ in range(5)]
    sandbox.wait_for_events(5)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks[1:]}
    sandbox.wait_for_events(6)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
