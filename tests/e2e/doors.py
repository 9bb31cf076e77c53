"""Every webhook endpoint, what its callers send, and each way they prove who they are.

    DOORS       the seven endpoints, in the order of docs/http-api.md
    Door        its path, what it answers, and documents as its caller composes them
    ways()      each acceptable proof with each kind of body
    signed()    proved by X-Twilio-Signature, by Twilio's own library
    plain()     proved by headers of one's own, or not at all
    SAMPLES     what `flexbrevo trigger` can make: (event, source)
"""

import base64
import dataclasses
import json
import time
import urllib.parse

import harness
from harness import Task, Webhook, sid

ORIGIN = "https://flex.twilio.com"
SURVEY_TOKEN = "5urvey-t0ken-0123456789"
FORM, JSON = "form", "json"
TYPES = {FORM: "application/x-www-form-urlencoded; charset=UTF-8", JSON: "application/json"}


# ---- documents, by the names Twilio gives them

def iso_now():
    ms = int(time.time() * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


def conversation_state(state="closed", **more):
    return {"EventType": "onConversationStateUpdated", "AccountSid": harness.ACCOUNT_SID,
            "Source": "API", "RetryCount": "0", "ChatServiceSid": sid("IS"),
            "ConversationSid": sid("CH"), "MessagingServiceSid": sid("MG"),
            "StateFrom": "active", "StateTo": state, "StateUpdated": iso_now(), "Reason": "API",
            **more}


def channel_status(status="closed", **more):
    return {"EventType": "onChannelStatusUpdated", "AccountSid": harness.ACCOUNT_SID,
            "InstanceSid": sid("GO"), "InteractionSid": sid("KD"), "ChannelSid": sid("UO"),
            "MediaChannelSid": sid("CH"), "MediaChannelType": "sms", "ChannelStatus": status,
            **more}


def survey(**more):
    return {"TaskSid": sid("WT"), "Score": 4, "ScoreMax": 5, "SurveyId": "after-support",
            "Email": harness.Customer.new().email, "Channel": "sms", **more}


def message_status(status="delivered", **more):
    message = more.get("MessageSid", sid("SM"))
    return {"AccountSid": harness.ACCOUNT_SID, "ApiVersion": "2010-04-01", "MessageSid": message,
            "SmsSid": message, "MessageStatus": status, "SmsStatus": status,
            "From": "+15550199", "To": "+15550100", "MessagingServiceSid": sid("MG"), **more}


def cloud_event(kind, data):
    return {"specversion": "1.0", "type": "com.twilio." + kind, "source": "/v1/Example",
            "id": sid("EZ"), "dataschema": "https://events-schemas.twilio.com/Example/1",
            "datacontenttype": "application/json", "time": iso_now(), "data": data}


# ---- the doors

@dataclasses.dataclass(frozen=True)
class Door:
    source: str
    path: str
    kinds: tuple            # of body
    success: int
    document: object        # makes what the caller sends, about something new each time
    unknown: object = None  # the same of a type we do not map; None: there is but one type
    allow: str = "POST"

    @property
    def title(self):
        return self.path.removeprefix("/webhooks/")


DOORS = (
    Door("flex-plugin", "/webhooks/flex/task-complete", (JSON, FORM), 202,
         lambda: Task().plugin_body(), allow="POST, OPTIONS"),
    Door("interactions", "/webhooks/flex/interactions", (FORM,), 204, channel_status,
         lambda: channel_status(EventType="onNothingWeKnow")),
    Door("survey", "/webhooks/flex/survey", (FORM, JSON), 204, survey),
    Door("taskrouter", "/webhooks/taskrouter", (FORM,), 204,
         lambda: Task().callback("task.completed"), lambda: Task().callback("never.heard.of")),
    Door("event-streams", "/webhooks/event-streams", (JSON,), 204,
         lambda: [Task().cloud_event("task.completed")],
         lambda: [cloud_event("never.heard.of", {})]),
    Door("conversations", "/webhooks/conversations", (FORM,), 200, conversation_state,
         lambda: conversation_state(EventType="onNothingWeKnow")),
    Door("messaging", "/webhooks/messaging", (FORM,), 204, message_status,
         lambda: message_status("never-heard-of")),
)
BY_SOURCE = {door.source: door for door in DOORS}
PLUGIN, SURVEY, STREAMS = (
    BY_SOURCE[name] for name in ("flex-plugin", "survey", "event-streams"))


def flat(document):
    """As a form has it: every value a text, objects as JSON."""
    return {name: json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in document.items()}


def encoded(kind, document):
    if isinstance(document, bytes):
        return document
    return (urllib.parse.urlencode(flat(document)) if kind == FORM
            else json.dumps(document)).encode()


def from_browser(door, webhook):
    if door is PLUGIN:
        webhook.headers["Origin"] = ORIGIN
    return webhook


def signed(door, kind, document=None, twilio=None):
    twilio = twilio or harness.Twilio()
    document = door.document() if document is None else document
    webhook = (twilio.form(flat(document), door.path) if kind == FORM
               else twilio.json(document, door.path))
    return from_browser(door, webhook)


def plain(door, kind, document=None, **headers):
    document = door.document() if document is None else document
    return from_browser(door, Webhook(
        door.path, {"Content-Type": TYPES[kind], **headers}, encoded(kind, document)))


# ---- proofs beside the signature

def bearer(token):
    return {"Authorization": "Bearer " + token}


def basic(token, user="survey"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def flex_token(worker_sid=harness.WORKER_SID):
    return harness.fake_iam.flex_token(worker_sid)


def by_flex_token(kind, token):
    """In the body, and in a header."""
    document = {**PLUGIN.document(), "Token": token}
    return {f"{kind}, Token": plain(PLUGIN, kind, document),
            f"{kind}, Bearer": plain(PLUGIN, kind, **bearer(token))}


def by_survey_token(kind, token):
    return {f"{kind}, Bearer": plain(SURVEY, kind, **bearer(token)),
            f"{kind}, Basic": plain(SURVEY, kind, **basic(token))}


def ways(door):
    """{'json, signed': Webhook, ...}: all that must be accepted, each about something new."""
    found = {}
    for kind in door.kinds:
        found[f"{kind}, signed"] = signed(door, kind)
        if door is PLUGIN:
            found |= by_flex_token(kind, flex_token())
        if door is SURVEY:
            found |= by_survey_token(kind, SURVEY_TOKEN)
        if door is STREAMS:
            found["json, one object"] = signed(door, kind, door.document()[0])
    return found


# ---- the samples of `flexbrevo trigger`

TASKROUTER = ("taskrouter", "event-streams")
CARRIERS = {                        # who may send what; the first one does by default
    "task.created": TASKROUTER,
    "task.updated": TASKROUTER,
    "task.completed": (*TASKROUTER, "flex-plugin"),
    "task.canceled": TASKROUTER,
    "reservation.accepted": TASKROUTER,
    "worker.activity.update": TASKROUTER,
    "conversation.ended": ("event-streams", "conversations", "interactions"),
    "survey.completed": ("survey",),
    "message.delivered": ("messaging", "event-streams"),
    "message.failed": ("messaging", "event-streams"),
    "sink.test": ("event-streams",),
}
SAMPLES = [(event, source) for event, sources in CARRIERS.items() for source in sources]


# ---- a webhook server on a Redis of its own, without a worker

def serve_config(redis_url, iam_url, directory, **server):
    return {
        "connectors": {"twilio_flex": {
            "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
            "auth_token": harness.AUTH_TOKEN, "iam_url": iam_url, "survey_token": SURVEY_TOKEN}},
        "brevo": {"api_key": harness.API_KEY, "base_url": "http://127.0.0.1:9/v3"},
        "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL, **server},
        "admin": {"listen": "127.0.0.1:0"},
        "redis": {"url": redis_url},
        "state_dir": str(directory / "state"),
    }
