"""A signed Flex event becomes the right Brevo event and contact, once."""

import pytest

import harness
from harness import Task


def check_event(event, name, task, **properties):
    assert event["event_name"] == name
    assert event["contact_id"] is not None
    got = event["event_properties"]
    expected = {"task_sid": task.sid, "channel": "whatsapp", "direction": "inbound", **properties}
    assert {key: got.get(key) for key in expected} == expected
    assert None not in got.values()


def check_contact(contact, customer):
    assert contact is not None
    # the customer's own address had the whatsapp: prefix: it is known as both
    assert contact["attributes"]["SMS"] == customer.phone.lstrip("+")
    assert contact["listIds"] == [32]


def test_a_taskrouter_callback_becomes_a_contact_and_an_event(caller, twilio, sandbox):
    task = Task()
    answer = caller.send(twilio.callback(task, "task.created"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Content-Type"] == "application/json"
    event, = sandbox.wait_for_events(1)
    check_event(event, "SUPPORT_REQUESTED", task, source_event_id=task.event_sid("task.created"))
    assert event["event_date"] == task.iso_time
    check_contact(sandbox.contact(task.customer.email), task.customer)


def test_an_event_streams_batch_becomes_one_event_each(caller, twilio, sandbox):
    tasks = [Task(), Task(), Task()]
    assert caller.send(twilio.stream(*tasks)).status == 204
    sandbox.wait_for_events(3)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    for task in tasks:
        event = next(e for e in sandbox.events() if e["event_properties"]["task_sid"] == task.sid)
        check_event(event, "SUPPORT_RESOLVED", task, queue="Billing", duration_s=412,
                    source_event_id=task.event_sid("task.completed"))
        assert event["event_date"] == task.iso_time
        check_contact(sandbox.contact(task.customer.email), task.customer)


def test_an_event_streams_sink_may_send_one_object(caller, twilio, sandbox):
    task = Task()
    assert caller.send(twilio.json(task.cloud_event("task.canceled"))).status == 204
    event, = sandbox.wait_for_events(1)
    check_event(event, "SUPPORT_ABANDONED", task)


def test_a_plugin_post_becomes_a_contact_and_an_event(caller, twilio, sandbox, iam):
    task = Task()
    answer = caller.send(twilio.plugin(task))
    assert answer.status == 202
    assert answer.headers["Access-Control-Allow-Origin"] == "https://flex.twilio.com"
    event, = sandbox.wait_for_events(1)
    check_event(event, "SUPPORT_RESOLVED", task)
    check_contact(sandbox.contact(task.customer.email), task.customer)
    assert iam.calls() == 1


def test_the_upsert_is_answered_before_its_event_is_sent(caller, twilio, sandbox):
    caller.send(twilio.stream(*(Task() for _ in range(20))))
    sandbox.wait_for_events(20)
    # the sandbox calls an event without its contact a violation; `sandbox` checks at the end
    assert len(sandbox.contacts()) == 20


def test_the_flex_token_is_not_stored_or_sent_on(caller, twilio, sandbox, flexbrevo):
    assert caller.send(twilio.plugin(Task())).status == 202
    sandbox.wait_for_events(1)
    assert "eyJ" not in str(sandbox.requests())
    aof = b"".join(path.read_bytes() for path in flexbrevo.state_dir.glob("appendonlydir/*"))
    assert b"SUPPORT" in aof or len(aof) > 0
    assert b"eyJhbGci" not in aof


@pytest.mark.parametrize("send", ["callback", "stream", "plugin"])
def test_the_same_request_ten_times_is_one_event(caller, twilio, sandbox, flexbrevo, send):
    task = Task()
    webhook = getattr(twilio, send)(task)
    for _ in range(10):
        assert caller.send(webhook).status in (202, 204)
    sandbox.wait_for_events(1)
    marker = Task()
    caller.send(twilio.callback(marker))
    sandbox.wait_for_events(2)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    assert sandbox.tasks() == {task.sid: 1, marker.sid: 1}


def test_an_event_type_that_is_not_ours_is_acknowledged_and_forgotten(
        caller, twilio, sandbox, flexbrevo):
    for event in ("workflow.entered", "workflow.target-matched", "never.heard.of"):
        assert caller.send(twilio.callback(Task(), event)).status == 204
    assert flexbrevo.metric("queue_accepted") == 0
    assert sandbox.requests() == []


def test_the_numbers_add_up(caller, twilio, sandbox, flexbrevo):
    caller.send(twilio.stream(*(Task() for _ in range(5))))
    caller.send(twilio.json(b"this is no CloudEvent"))
    sandbox.wait_for_events(5)
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 5, "5 settled")
    harness.wait_until(lambda: flexbrevo.metric("queue_parked") == 1, "1 parked")
    metrics = flexbrevo.metrics()
    assert metrics["flexbrevo_queue_accepted"] == 6
    assert metrics["flexbrevo_unaccounted_events"] == 0
    flexbrevo.wait_for_metric('events_delivered_total{event="SUPPORT_RESOLVED"}', 5)


def test_the_worker_keeps_to_the_rate_limit(program, twilio, sandbox):
    sandbox.stop()
    limited = harness.Sandbox(rps=10).start()
    limits = {"base_url": limited.url, "max_rps": "auto", "rate_share": 0.8}
    flexbrevo = program(changes={"brevo": limits}).start()
    tasks = [Task() for _ in range(18)]     # two seconds' worth, and each asks for contacts twice
    assert flexbrevo.caller().send(twilio.stream(*tasks)).status == 204
    limited.wait_for_events(18)
    assert limited.tasks() == {task.sid: 1 for task in tasks}
    refused = [entry for entry in limited.requests() if entry["status"] == 429]
    assert len(refused) <= 2                # windows of two clocks may overlap once
    limited.stop()
    limited.check()
    sandbox.start()
