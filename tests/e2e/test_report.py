"""How queues and agents did: counted from what Twilio tells anyway, shown by /metrics and `report`.

Brevo hears nothing of it. That each end counts once, whatever happens to its record, is shown by
tests/unit/test_queue_tally.c and test_counting.c.
"""

import json
import time

import pytest

import harness
from harness import Task, sid

AGENT = harness.WORKER_SID


def report(flexbrevo, *arguments):
    status, out, err = harness.run_command(
        "report", "--config", flexbrevo.config_file, *arguments)
    assert (status, err) == (0, ""), err
    return out


class Day:
    """Tasks of one queue that began ten minutes ago."""

    def __init__(self, flexbrevo, twilio):
        self.flexbrevo, self.twilio = flexbrevo, twilio
        self.began_ms = int(time.time() * 1000) - 600_000
        self.told = 0

    def post(self, fields):
        assert self.flexbrevo.caller().send(self.twilio.form(fields)).status in (200, 204)
        self.told += 1

    def tell(self, task, *steps, **fields):
        """Steps are "type@seconds"."""
        for step in steps:
            event, _, at_s = step.partition("@")
            task.time_ms, task.age = self.began_ms + int(at_s) * 1000, int(at_s)
            self.post(task.callback(event) | fields)

    def change_activity(self, was, time_ms):
        """An agent goes to lunch."""
        self.post({"Sid": sid("EV"), "EventType": "worker.activity.update",
                   "AccountSid": harness.ACCOUNT_SID, "WorkspaceSid": harness.WORKSPACE_SID,
                   "ResourceType": "worker", "WorkerSid": AGENT, "WorkerName": "zoltana",
                   "WorkerAttributes": '{"full_name":"Mary Smith"}',
                   "WorkerActivityName": "Lunch", "WorkerPreviousActivityName": was,
                   "WorkerTimeInPreviousActivity": str(time_ms // 1000),
                   "WorkerTimeInPreviousActivityMs": str(time_ms),
                   "TimestampMs": str(self.began_ms)})

    def settled(self):
        return harness.wait_until(
            lambda: (shown := self.flexbrevo.metrics()) and shown["flexbrevo_queue_delivered"]
            + shown["flexbrevo_queue_filtered"] == self.told and shown,
            lambda: f"{self.told} settled")


@pytest.fixture
def day(program, twilio):
    return Day(program(changes={
        "connectors": {"twilio_flex": {"sync": {"agent_activity": True}}},
        "brevo": {"agent": "name"}, "ticket": {"min_wait": "5s"},
        "queue": {"plugin_wait": "200ms"}}).start(), twilio)


def play(day):
    """Two are served, one of them late; one gives up, one at once; who is nobody counts, too."""
    nobody = harness.Customer(email="", phone="anonymous")
    day.tell(Task(), "task.created@0", "task-queue.entered@1", "reservation.accepted@13",
             "task.wrapup@100", "task.completed@130")
    day.tell(Task(customer=nobody), "reservation.accepted@45", "task.completed@105")
    day.tell(Task(), "task.created@0", "task.canceled@60")
    day.tell(Task(), "task.created@0", "task.canceled@3")
    day.tell(Task(queue="Survey queue"), "task.completed@30", TaskAttributes=json.dumps(
        {"conversations": {"kind": "Survey", "conversation_measure_1": "5"}}))
    day.told += 1       # the answer is a record of its own
    day.change_activity("Available", 1312449)
    day.change_activity("Available", 551)


LABELS = '{queue="Billing",channel="whatsapp",direction="inbound"'
EXPECTED = {
    f'queue_tasks_total{LABELS},outcome="handled"}}': 2,
    f'queue_tasks_total{LABELS},outcome="abandoned"}}': 1,
    f'queue_tasks_total{LABELS},outcome="short"}}': 1,
    f'queue_tasks_total{LABELS},outcome="unserved"}}': 0,
    f'queue_wait_seconds_bucket{LABELS},le="10"}}': 0,
    f'queue_wait_seconds_bucket{LABELS},le="20"}}': 1,
    f'queue_wait_seconds_bucket{LABELS},le="60"}}': 2,
    f'queue_wait_seconds_bucket{LABELS},le="+Inf"}}': 2,
    f'queue_wait_seconds_sum{LABELS}}}': 57,
    f'queue_handle_seconds_sum{LABELS}}}': 147,
    f'queue_wrapup_seconds_count{LABELS}}}': 1,
    f'queue_abandon_seconds_sum{LABELS}}}': 60,
    f'agent_activity_seconds_total{{agent="{AGENT}",activity="Available"}}': 1313,
}


def test_metrics_and_report_show_how_queues_and_agents_did(day, sandbox):
    play(day)
    shown = day.settled()
    assert {name: shown.get("flexbrevo_" + name) for name in EXPECTED} == EXPECTED
    assert not any("Survey" in name or "Mary" in name for name in shown)

    told = json.loads(report(day.flexbrevo, "--json"))
    assert told["queues"] == [{
        "queue": "Billing", "channel": "whatsapp", "direction": "inbound",
        "handled": 2, "abandoned": 1, "short": 1, "unserved": 0, "canceled": 0,
        "abandonment_share": 0.3333, "waits": 2, "answered_within_20s_share": 0.5,
        "wait_avg_seconds": 28.5, "wait_p50_at_most_seconds": 20,
        "wait_p90_at_most_seconds": 60, "handle_avg_seconds": 73.5,
        "wrapup_avg_seconds": 30.0, "abandon_avg_seconds": 60.0}]
    assert told["agents"] == [{"agent": AGENT, "name": "Mary Smith", "activity": "Available",
                               "seconds": 1313.0}]
    assert told["timezone"] == "UTC" and told["left_out"] == 0 and told["from"] < told["to"]
    assert "activity" not in json.dumps([entry["body"] for entry in sandbox.requests()])
    assert {event["event_name"] for event in sandbox.events()} <= {
        "SUPPORT_REQUESTED", "SUPPORT_RESOLVED", "SUPPORT_ABANDONED", "CSAT_SUBMITTED",
        "CONVERSATION_ENDED"}


def test_for_a_person_the_report_is_text(day):
    assert "nothing was counted" in report(day.flexbrevo)
    play(day)
    day.settled()
    lines = report(day.flexbrevo, "--since", "1h").splitlines()
    assert lines[2:7] == [
        "Billing, whatsapp, inbound",
        "  tasks    2 handled, 1 abandoned, 1 short, 0 unserved, 0 canceled",
        "  waited   0:29 on average, p50 up to 0:20, p90 up to 1:00, 50.0% within 20 s",
        "  handled  1:14 on average, wrap-up 0:30",
        "  gave up  33.3%, after 1:00 on average"]
    assert lines[-1].split() == [AGENT, "Available", "0:21:53", "Mary", "Smith"]


def test_why_tasks_were_canceled_that_nobody_gave_up_is_kept_in_twilios_words(day):
    """Which belong into ticket.abandoned_reasons is for a person to see."""
    for reason in ("Chat closed by visitor", "merged\x1b[31m", "hangup", "", "merged\x1b[31m"):
        day.tell(Task(canceled_reason=reason), "task.created@0", "task.canceled@60")
    day.settled()
    told = json.loads(report(day.flexbrevo, "--json"))["canceled_reasons"]
    assert sorted(one["reason"] for one in told) == ["Chat closed by visitor", "merged\x1b[31m"]
    assert all(one["last"][:4] > "2000" for one in told)
    shown = report(day.flexbrevo)
    assert "  Chat closed by visitor\n" in shown and "\x1b" not in shown
    assert "closed by visitor" not in day.flexbrevo.log()


def test_a_span_that_is_none_is_refused(day):
    for since in ("yesterday", "0", "-1d"):
        status, out, err = harness.run_command(
            "report", "--since", since, "--config", day.flexbrevo.config_file)
        assert (status, out) == (64, "") and "not a duration" in err
