"""Brevo in trouble: what it refuses for good is parked, all else waits, nothing is lost."""

import pytest

import harness
from harness import Task


@pytest.mark.parametrize("fault", ["ip_blocked", "key_revoked"])
def test_401_pauses_everything_parks_nothing_and_resumes_alone(
        caller, twilio, sandbox, flexbrevo, fault):
    sandbox.fault(fault, count=-1)
    tasks = [Task() for _ in range(10)]
    assert caller.send(twilio.stream(*tasks)).status == 204
    harness.wait_until(
        lambda: any(name.startswith("flexbrevo_brevo_paused{") and value == 1
                    for name, value in flexbrevo.metrics().items()), "a pause")
    assert flexbrevo.metric("queue_parked") == 0
    assert flexbrevo.metric("queue_pending") == len(tasks)
    assert caller.send(twilio.callback(Task())).status == 204   # ingest goes on
    sandbox.heal()
    sandbox.wait_for_events(len(tasks) + 1)
    assert {sandbox.tasks()[task.sid] for task in tasks} == {1}
    assert flexbrevo.metric("queue_parked") == 0


def test_a_paused_worker_does_not_hammer(caller, twilio, sandbox, flexbrevo):
    sandbox.fault("key_revoked", count=-1)
    caller.send(twilio.stream(*(Task() for _ in range(50))))
    harness.wait_until(lambda: sandbox.requests(), "a first try")
    harness.wait_until(
        lambda: any(name.startswith("flexbrevo_brevo_paused{") and value == 1
                    for name, value in flexbrevo.metrics().items()), "a pause")
    assert len(sandbox.requests()) <= 20
    sandbox.heal()
    sandbox.wait_for_events(50)


@pytest.mark.parametrize("faults", [["html_524", "empty_500", "object_500"], ["rate_limited"]])
def test_a_passing_fault_is_retried(caller, twilio, sandbox, faults):
    for fault in faults:
        sandbox.fault(fault, count=2)
    tasks = [Task() for _ in faults]
    for task in tasks:
        caller.send(twilio.callback(task))
    sandbox.wait_for_events(len(tasks))
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


@pytest.mark.parametrize("answer", [
    {"body": "<html>please log in</html>", "content_type": "text/html"}, {"body": None}])
def test_a_200_that_is_no_contact_is_somebody_elses_and_the_event_waits(
        caller, twilio, sandbox, flexbrevo, answer):
    """A captive portal, a proxy's page: nothing is believed delivered because it said 200."""
    sandbox.fault("status", having="identifierType", status=200, count=1, **answer)
    task = Task()
    caller.send(twilio.callback(task))
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}
    assert flexbrevo.log().count("reason=bad_answer") == 1


@pytest.mark.parametrize("status", [400, 401, 403, 503])
def test_an_error_page_in_html_loses_nothing(caller, twilio, sandbox, flexbrevo, status):
    """What stands before Brevo refuses in its own words: parked, paused or retried, never lost."""
    sandbox.fault("status", endpoint="POST /events", status=status, count=1,
                  body="<html>cf-error</html>", content_type="text/html")
    task = Task()
    caller.send(twilio.callback(task))
    if status == 400:
        harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "a parked record")
        harness.run_command("parked", "replay", "--all", "--config", flexbrevo.config_file)
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}


def test_a_connection_closed_after_the_body_is_not_sent_again_by_the_library(
        caller, twilio, sandbox):
    first, task = Task(), Task()
    caller.send(twilio.callback(first))
    sandbox.wait_for_events(1)              # connections are open and kept alive
    sandbox.fault("close", endpoint="POST /contacts", count=1)
    caller.send(twilio.callback(task))
    sandbox.wait_for_events(2)
    bodies = [e for e in sandbox.requests("POST", "/contacts")
              if e["body"].get("email") == task.customer.email]
    assert [entry["answered"] for entry in bodies] == [False, True]
    assert bodies[1]["time"] - bodies[0]["time"] > 0.05     # a decision, not a reflex
    assert sandbox.tasks() == {first.sid: 1, task.sid: 1}


def test_a_phone_of_another_contact_costs_the_phone_and_nothing_else(
        caller, twilio, sandbox, flexbrevo):
    first, second = Task(), Task()
    second.customer.phone = first.customer.phone
    caller.send(twilio.callback(first))
    sandbox.wait_for_events(1)
    caller.send(twilio.callback(second))
    sandbox.wait_for_events(2)
    contact = sandbox.contact(second.customer.email)
    assert not {"SMS", "WHATSAPP"} & set(contact["attributes"]) and contact["listIds"] == [32]
    assert sandbox.tasks() == {first.sid: 1, second.sid: 1}
    lines = [line for line in flexbrevo.log().splitlines() if "identifier_dropped" in line]
    for line, name in zip(lines, ("SMS", "WHATSAPP"), strict=True):
        assert second.sid in line and f"identifier={name}" in line
        assert flexbrevo.metric(f'brevo_identifiers_dropped_total{{identifier="{name}"}}') == 1
    assert first.customer.phone.strip("+") not in flexbrevo.log()


def test_an_invalid_phone_costs_the_phone_and_nothing_else(caller, twilio, sandbox, flexbrevo):
    refusal = {"code": "invalid_parameter", "message": "Invalid phone number"}
    sandbox.fault("status", endpoint="POST /contacts", status=400, body=refusal, count=1)
    task = Task()
    caller.send(twilio.callback(task))
    sandbox.wait_for_events(1)
    with_phone, without = [e["body"] for e in sandbox.requests("POST", "/contacts")]
    assert with_phone["attributes"].pop("SMS") and with_phone["attributes"].pop("WHATSAPP")
    assert without == with_phone
    assert flexbrevo.metric('brevo_identifiers_dropped_total{identifier="SMS"}') == 1


@pytest.mark.parametrize("status, words", [(400, "made up"), (404, "List ID does not exist")])
def test_a_list_that_brevo_does_not_have_costs_the_list_and_nothing_else(
        program, twilio, sandbox, status, words):
    """Nobody knows how Brevo words it: what it takes without the list was refused for the list."""
    code = {400: "invalid_parameter", 404: "document_not_found"}[status]
    lists = {"support_contacts": 77, "csat_respondents": 33}
    flexbrevo = program(changes={"connectors": {"twilio_flex": {"lists": lists}}}).start()
    refusal = {"code": code, "message": words}
    sandbox.fault("status", endpoint="POST /contacts", status=status, body=refusal, count=1)
    tasks = [Task() for _ in range(3)]
    for number, task in enumerate(tasks, 1):
        flexbrevo.caller().send(twilio.callback(task))
        sandbox.wait_for_events(number)
        assert sandbox.contact(task.customer.email)["listIds"] == []
    lines = [line for line in flexbrevo.log().splitlines() if "list_refused" in line]
    assert len(lines) == 1 and " list=77 " in lines[0] and "lists" in lines[0].split("do=")[1]
    assert flexbrevo.metric('brevo_identifiers_dropped_total{identifier="listIds"}') == 1
    written = [entry["body"] for entry in sandbox.requests("POST", "/contacts")]
    assert ["listIds" in body for body in written] == [True, False, False, False]


@pytest.mark.parametrize("refusal, count", [
    ({"code": "invalid_parameter", "message": "made up"}, 2), ("<html>not found</html>", 1)])
def test_a_refusal_that_is_not_the_lists_is_parked_and_blames_no_list(
        program, twilio, sandbox, refusal, count):
    flexbrevo = program().start()
    sandbox.fault("status", endpoint="POST /contacts", status=400, body=refusal, count=count)
    flexbrevo.caller().send(twilio.callback(Task()))
    flexbrevo.wait_for_metric('events_parked_total{reason="rejected"}', 1)
    assert "list_refused" not in flexbrevo.log()
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    sandbox.wait_for_events(1)
    assert sandbox.contact(task.customer.email)["listIds"] == [32]


def test_a_refusal_of_one_event_parks_that_one_alone(caller, twilio, sandbox, flexbrevo):
    refusal = {"code": "invalid_parameter", "message": "made up"}
    sandbox.fault("status", endpoint="POST /events", status=400, body=refusal, count=1)
    caller.send(twilio.callback(Task()))
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "a parked record")
    task = Task()
    caller.send(twilio.callback(task))
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}


def test_brevo_gone_and_back(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.stop()
    tasks = [Task() for _ in range(5)]
    assert flexbrevo.caller().send(twilio.stream(*tasks)).status == 204
    harness.wait_until(lambda: flexbrevo.metric("queue_delayed") or "retry" in flexbrevo.log()
                       or "delayed" in flexbrevo.log(), "a retry in the log")
    sandbox.start()
    sandbox.wait_for_events(len(tasks))
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
