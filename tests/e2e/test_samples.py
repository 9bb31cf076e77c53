"""trigger: each sample has the names, casing and types its source documents, and a valid proof."""

import hashlib
import json
import re
import urllib.parse
import uuid

import pytest
from twilio.request_validator import RequestValidator

import harness

TOKEN = "5ec4e700000000000000000000000000"
SIDS = {"AccountSid": "AC", "accountSid": "AC", "ConversationSid": "CH", "InteractionSid": "KD",
        "ChannelSid": "UO", "InstanceSid": "GO", "ChatServiceSid": "IS", "MessagingServiceSid": "MG",
        "messagingServiceSid": "MG", "MessageSid": "SM", "SmsSid": "SM", "messageSid": "SM",
        "TaskSid": "WT", "WorkerSid": "WK", "worker_sid": "WK", "task_sid": "WT", "sid": "EV"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def is_sid(text, prefix):
    return re.fullmatch(prefix + "[0-9a-f]{32}", text) is not None


def has_fields(said, expected):
    """Each field there, as given; a None stands for "there, whatever its value"."""
    assert set(expected) - set(said) == set()
    for name, value in expected.items():
        assert value is None or said[name] == value, name
    for name, prefix in SIDS.items():
        assert name not in said or is_sid(said[name], prefix), name
    assert said["flexbrevo_test"] == "true"


@pytest.fixture
def sample(recorder):
    """What `trigger` posts, read back; the proof is checked."""
    def trigger(event, *more):
        url = f"http://127.0.0.1:{recorder.server_port}"
        status, _, err = harness.run_command(
            "trigger", event, "--to", url, "--token", TOKEN, *more)
        assert (status, err) == (0, "")
        (path, headers), body = recorder.posts[-1], recorder.bodies[-1]
        if headers["Content-Type"] == "application/json":
            assert path.endswith("?bodySHA256=" + hashlib.sha256(body.encode()).hexdigest())
            fields, said = {}, json.loads(body)
        else:
            pairs = urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)
            said = fields = dict(pairs)
            assert len(fields) == len(pairs)
        assert RequestValidator(TOKEN).validate(url + path, fields, headers["X-Twilio-Signature"])
        return path.partition("?")[0], said

    return trigger


def cloud_event(batch, kind, schema):
    event, = batch
    assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
    assert event["type"] == "com.twilio." + kind
    assert event["dataschema"] == "https://events-schemas.twilio.com/" + schema
    assert re.fullmatch(TIME, event["time"])
    return event


def test_a_task_update_as_taskrouter_says_it(sample):
    path, said = sample("task.updated")
    assert path == "/webhooks/taskrouter"
    has_fields(said, {"EventType": "task.updated", "TaskAssignmentStatus": "assigned",
                      "TaskQueueName": "Support", "TaskAge": "300", "ResourceType": "task",
                      "ResourceSid": said["TaskSid"], "TimestampMs": None})
    assert json.loads(said["TaskAttributes"])["conversationSid"] == "CH" + said["TaskSid"][2:]


def test_an_agents_activity_has_no_task(sample):
    expected = {"worker_activity_name": "Break", "worker_previous_activity_name": "Available",
                "worker_time_in_previous_activity": 1312, "worker_activity_sid": None,
                "worker_attributes": None, "resource_type": "worker", "timestamp": None}
    path, batch = sample("worker.activity.update", "--source", "event-streams")
    assert path == "/webhooks/event-streams"
    event = cloud_event(batch, "taskrouter.worker.activity.update", "TaskRouter.WDSEvent/4")
    payload = event["data"]["payload"]
    has_fields(payload, {**expected, "eventtype": "worker.activity.update"})
    assert event["data"]["group"] == "worker" and payload["resource_sid"] == payload["worker_sid"]

    _, said = sample("worker.activity.update")
    has_fields(said, {"EventType": "worker.activity.update", "WorkerActivityName": "Break",
                      "WorkerTimeInPreviousActivityMs": "1312449", "ResourceType": "worker"})
    assert not any(name.lower().startswith("task") for name in [*said, *payload])


CLOSED = {"StateFrom": "active", "StateTo": "closed", "Reason": "API", "MessagingServiceSid": None,
          "ChatServiceSid": None, "AccountSid": None, "StateUpdated": None}


def test_a_closed_conversation_in_three_dialects(sample):
    task = harness.sid("WT")
    path, said = sample("conversation.ended", "--source", "conversations", "--task", task)
    assert path == "/webhooks/conversations"
    has_fields(said, {**CLOSED, "EventType": "onConversationStateUpdated", "Source": "API",
                      "RetryCount": "0", "ConversationSid": "CH" + task[2:]})
    assert re.fullmatch(TIME, said["StateUpdated"]) and "State" not in said

    _, batch = sample("conversation.ended", "--source", "event-streams", "--task", task)
    data = cloud_event(batch, "conversations.conversation-state.updated",
                       "Conversations.ConversationStateUpdated/2")["data"]
    has_fields(data, {**CLOSED, "ConversationSid": "CH" + task[2:]})

    path, said = sample("conversation.ended", "--source", "interactions", "--task", task,
                        "--channel", "whatsapp")
    assert path == "/webhooks/flex/interactions"
    has_fields(said, {"EventType": "onChannelStatusUpdated", "ChannelStatus": "closed",
                      "InteractionSid": "KD" + task[2:], "MediaChannelSid": "CH" + task[2:],
                      "MediaChannelType": "whatsapp", "InstanceSid": None, "ChannelSid": None})


def test_the_end_of_a_call_is_an_interactions(sample):
    task = harness.sid("WT")
    path, said = sample("conversation.ended", "--channel", "voice", "--task", task)
    assert path == "/webhooks/flex/interactions"
    has_fields(said, {"MediaChannelType": "voice", "MediaChannelSid": "CF" + task[2:],
                      "InteractionSid": "KD" + task[2:], "ChannelStatus": "closed"})


@pytest.mark.parametrize("body, score", [("form", "4"), ("json", 4)])
def test_a_survey_in_both_kinds_of_body(sample, body, score):
    task = harness.sid("WT")
    path, said = sample("survey.completed", "--body", body, "--task", task, "--email",
                        "lena@example.org", "--phone", "+15550123", "--channel", "whatsapp")
    assert path == "/webhooks/flex/survey"
    has_fields(said, {"TaskSid": task, "ConversationSid": "CH" + task[2:], "Score": score,
                      "ScoreMax": type(score)(5), "SurveyId": "after-support", "Comment": None,
                      "Email": "lena@example.org", "Phone": "+15550123", "Channel": "whatsapp"})


def test_a_survey_after_a_call_names_no_conversation(sample):
    assert "ConversationSid" not in sample("survey.completed", "--channel", "voice")[1]


@pytest.mark.parametrize("event, source", [
    ("survey.completed", "survey"), ("task.completed", "flex-plugin")])
def test_what_cannot_sign_shows_a_token(recorder, event, source):
    status, out, _ = harness.run_command(
        "trigger", event, "--source", source, "--bearer", "t0ken", "--to",
        f"http://127.0.0.1:{recorder.server_port}")
    (path, headers), = recorder.posts
    assert (status, headers["Authorization"]) == (0, "Bearer t0ken")
    assert headers["X-Twilio-Signature"] is None and "bodySHA256" not in path
    assert "t0ken" not in out and "signed" not in out


@pytest.mark.parametrize("event, status, code, done", [
    ("message.delivered", "delivered", None, True), ("message.failed", "failed", "30003", False)])
def test_a_messages_status_in_both_dialects(sample, event, status, code, done):
    phone = ["--phone", "+15550123", "--channel", "whatsapp"]
    path, said = sample(event, *phone)
    assert path == "/webhooks/messaging"
    has_fields(said, {"MessageSid": said["SmsSid"], "MessageStatus": status, "SmsStatus": status,
                      "To": "whatsapp:+15550123", "From": "whatsapp:+15550199",
                      "ApiVersion": "2010-04-01"})
    assert said.get("ErrorCode") == code
    assert (re.fullmatch(r"\d{10}", said.get("RawDlrDoneDate", "")) is not None) == done

    _, batch = sample(event, "--source", "event-streams", *phone)
    cloud = cloud_event(batch, "messaging." + event, "Messaging.MessageStatus/8")
    data = cloud["data"]
    has_fields(data, {"messageStatus": status.upper(), "to": "whatsapp:+15550123",
                      "numberOfSegments": 1})
    assert re.fullmatch(TIME, data["timestamp"])
    assert (data.get("errorCode"), "rawDlrDoneDate" in data) == (code, done)
    assert cloud["source"] == (f"/2010-04-01/Accounts/{data['accountSid']}/Messages/"
                               f"{data['messageSid']}.json")


def test_a_sink_test_has_a_fresh_id_and_the_accounts_sid_as_events(sample):
    ids = set()
    for _ in range(2):
        _, batch = sample("sink.test")
        event = cloud_event(batch, "eventstreams.test-event", "EventStreams.TestSink/1.json")
        assert event["source"] == "Sink" and is_sid(event["id"], "AC")
        assert uuid.UUID(event["data"]["test_id"]).version == 4
        ids.add(event["data"]["test_id"])
    assert len(ids) == 2
