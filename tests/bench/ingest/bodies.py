"""Requests as Twilio sends them, signed beforehand: each event is new, and none is signed twice."""

import base64
import hashlib
import hmac
import json
import random
import struct
import urllib.parse

PUBLIC_URL = "https://hooks.example.com"
ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
WORKSPACE_SID = "WS0123456789abcdef0123456789abcdef"
TOKEN = "5eC4e7000000000000000000000f1e2d"

CALLBACK_PATH = "/webhooks/taskrouter"
STREAM_PATH = "/webhooks/event-streams"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
EVENTS_OF_A_BATCH = 100

# What stands in every request of Twilio's besides.
HEADERS = (
    "Host: hooks.example.com\r\nUser-Agent: TwilioProxy/1.1\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip\r\nX-Home-Region: us1\r\n"
    "I-Twilio-Idempotency-Token: 0c1d7b0e-6f0a-4a52-9a39-5f3a2d8e1b47\r\n")

CONSTANT = {
    "AccountSid": ACCOUNT_SID, "WorkspaceSid": WORKSPACE_SID,
    "WorkspaceName": "Flex Task Assignment", "EventDescription": "Task completed",
    "ResourceType": "task", "TaskAge": "412", "TaskPriority": "0",
    "TaskAssignmentStatus": "completed", "TaskChannelSid": "TC0123456789abcdef0123456789abcdef",
    "TaskChannelUniqueName": "chat", "TaskCompletedReason": "resolved", "TaskVersion": "4",
    "TaskQueueSid": "WQ0123456789abcdef0123456789abcdef", "TaskQueueName": "Everyone",
    "TaskQueueTargetExpression": "1==1", "WorkflowSid": "WW0123456789abcdef0123456789abcdef",
    "WorkflowName": "Assign to Anyone"}


class Events:
    """A different event at each call, the same ones in each run."""

    def __init__(self):
        self.random = random.Random(1)
        self.number = 0

    def sid(self, prefix):
        return f"{prefix}{self.random.getrandbits(128):032x}"

    def callback(self, event_type="task.completed"):
        self.number += 1
        number, task, agent = self.number, self.sid("WT"), self.number % 200
        attributes = json.dumps({
            "from": f"+1555{number:07d}", "direction": "inbound", "channelType": "sms",
            "customers": {"email": f"customer{number}@example.com", "phone": f"+1555{number:07d}"},
            "name": f"Customer {number}", "language": "en", "customer_tier": "gold",
            "conversations": {"conversation_id": self.sid("CH"), "outcome": "resolved"}},
            separators=(",", ":"))
        return CONSTANT | {
            "EventType": event_type, "Sid": self.sid("EV"), "TaskSid": task, "ResourceSid": task,
            "TaskAttributes": attributes, "WorkerSid": self.sid("WK"),
            "WorkerName": f"agent.{agent}@example.com", "Timestamp": str(1763600000 + number),
            "TimestampMs": str((1763600000 + number) * 1000)}

    def cloud_event(self):
        fields = self.callback()
        payload = {
            "sid": fields["Sid"], "eventtype": fields["EventType"], "account_sid": ACCOUNT_SID,
            "workspace_sid": WORKSPACE_SID, "task_sid": fields["TaskSid"],
            "task_attributes": fields["TaskAttributes"], "task_age": 412,
            "task_queue_name": "Everyone", "task_completed_reason": "resolved"}
        return {
            "specversion": "1.0", "type": "com.twilio.taskrouter.task.completed",
            "source": f"/v1/Workspaces/{WORKSPACE_SID}/Events", "id": self.sid("EZ"),
            "dataschema": "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4",
            "datacontenttype": "application/json", "time": "2026-01-20T10:00:00.000Z",
            "data": {"sid": fields["Sid"], "account_sid": ACCOUNT_SID, "payload": payload}}


def signature(path, fields, token=TOKEN):
    text = PUBLIC_URL + path + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def request(path, content_type, signed, body):
    head = (
        f"POST {path} HTTP/1.1\r\n{HEADERS}Content-Type: {content_type}\r\n"
        f"X-Twilio-Signature: {signed}\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def callback(events, event_type="task.completed", token=TOKEN):
    fields = events.callback(event_type)
    return request(CALLBACK_PATH, FORM, signature(CALLBACK_PATH, fields, token),
                   urllib.parse.urlencode(fields).encode())


def batch(events):
    body = json.dumps(
        [events.cloud_event() for _ in range(EVENTS_OF_A_BATCH)], separators=(",", ":")).encode()
    path = f"{STREAM_PATH}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    return request(path, "application/json", signature(path, {}), body)


KINDS = {
    "callback": callback,
    "ignored": lambda events: callback(events, "benchmark.nothing"),  # proved, and not stored
    "forged": lambda events: callback(events, token="another token"),
    "batch": batch,
}


def write(kind, count, path):
    """`count` requests, each behind its size, for the loader."""
    events = Events()
    with open(path, "wb") as file:
        for _ in range(count):
            one = KINDS[kind](events)
            file.write(struct.pack("<I", len(one)) + one)


def check_against_twilio():
    """Our signatures are those of Twilio's own library."""
    from twilio.request_validator import RequestValidator

    for make in (callback, batch):
        head, _, body = make(Events()).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        path = lines[0].split()[1]
        text = body.decode()
        signed = dict(urllib.parse.parse_qsl(text)) if make is callback else text
        if not RequestValidator(TOKEN).validate(
                PUBLIC_URL + path, signed, headers["X-Twilio-Signature"]):
            raise SystemExit(
                f"compare: not signed as Twilio does: {make.__name__} (a fault of bodies.py)")
