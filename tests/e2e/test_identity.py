"""An event that names no customer waits for its ticket's, then Twilio is asked for the participants.

That the wait is right is tests/unit/test_ticket.c's business, what an answer means
tests/unit/test_seeking.c's.
"""

import base64
import http.server
import json
import threading
import time

import pytest

import harness
from harness import Customer, Task, sid

KEY, SECRET = "SK0123456789abcdef0123456789abcdef", "not-a-real-key-secret"


class Conversations:
    """conversations.twilio.com, as far as twilio_conversations_v1.json describes participants."""

    def __init__(self):
        self.addresses = {}     # by conversation
        self.goes_on = threading.Event()    # it hangs before
        self.goes_on.set()
        self.asked = []         # (path, Authorization)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.asked.append((self.path, self.headers["Authorization"]))
                outer.goes_on.wait()
                conversation = self.path.split("/")[3]
                self.reply(*outer.answer(conversation))

            def reply(self, status, body):
                body = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, conversation):
        if conversation not in self.addresses:
            return 404, {"code": 20404, "message": "not found", "status": 404,
                         "more_info": "https://www.twilio.com/docs/errors/20404"}
        return 200, {"meta": {"page": 0, "page_size": 100, "next_page_url": None,
                              "key": "participants"},
                     "participants": [
                         self.participant(conversation, None, self.addresses[conversation]),
                         self.participant(conversation, "agent_40example_2Ecom", None)]}

    @staticmethod
    def participant(conversation, identity, address):
        return {"account_sid": harness.ACCOUNT_SID, "conversation_sid": conversation,
                "sid": sid("MB"), "identity": identity, "attributes": "{}",
                "messaging_binding": address and {
                    "type": "sms", "address": address, "proxy_address": "+15550001111"},
                "role_sid": sid("RL"), "url": "https://conversations.twilio.com"}


@pytest.fixture
def conversations():
    one = Conversations()
    yield one
    one.goes_on.set()
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def asking(program, conversations):
    return program(changes={
        "connectors": {"twilio_flex": {"api_key_sid": KEY, "api_key_secret": SECRET,
                                       "conversations_url": conversations.url}},
        "identity": {"ask_twilio": True}}).start()


def nobodys_task(conversation):
    """Its attributes name the conversation, and nobody."""
    task = Task()
    task.task_attributes = lambda: json.dumps(
        {"direction": "inbound", "channelType": "sms", "conversationSid": conversation,
         "conversations": {"conversation_id": conversation}})
    return task


def send(flexbrevo, twilio, task, event):
    assert flexbrevo.caller().send(twilio.form(task.callback(event))).status == 204


def filtered(flexbrevo, reason):
    return flexbrevo.metric(f'events_filtered_total{{reason="{reason}"}}')


def test_twilio_is_asked_once_and_the_whole_ticket_knows(asking, twilio, sandbox, conversations):
    customer, task = Customer.new(), nobodys_task(sid("CH"))
    conversation = json.loads(task.task_attributes())["conversationSid"]
    conversations.addresses[conversation] = customer.phone
    send(asking, twilio, task, "task.created")
    harness.wait_until(lambda: sandbox.events("SUPPORT_REQUESTED"), "the request")
    send(asking, twilio, task, "task.completed")
    event, = harness.wait_until(lambda: sandbox.events("SUPPORT_RESOLVED"), "the end")
    contact, = sandbox.contacts()
    assert event["contact_id"] == contact["id"]
    assert contact["attributes"]["SMS"] == customer.phone.lstrip("+")
    basic = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert conversations.asked == [
        (f"/v1/Conversations/{conversation}/Participants?PageSize=100", basic)]


def test_who_is_not_found_is_nobody_until_another_route_knows(
        asking, twilio, sandbox, conversations):
    task, known = nobodys_task(sid("CH")), Task()
    send(asking, twilio, task, "task.created")
    harness.wait_until(lambda: filtered(asking, "no_identity") == 1, "its end")
    assert len(conversations.asked) == 1
    assert sandbox.requests() == []
    known.sid, known.event_sids = task.sid, task.event_sids
    assert asking.caller().send(
        twilio.json([known.cloud_event("task.created")])).status == 204
    harness.wait_until(lambda: sandbox.events("SUPPORT_REQUESTED"), "the request")


def test_a_later_record_of_the_ticket_says_who_it_was(program, twilio, sandbox):
    flexbrevo = program(changes={"identity": {"wait": "1m"}}).start()
    conversation, known = sid("CH"), Task()
    known.attributes = {"conversationSid": conversation,
                        "conversations": {"conversation_id": conversation}}
    send(flexbrevo, twilio, nobodys_task(conversation), "task.created")
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 1, "the wait")
    send(flexbrevo, twilio, known, "task.created")
    # Of two creations the earlier one asks; they may be of one millisecond.
    harness.wait_until(lambda: filtered(flexbrevo, "already_delivered")
                       + filtered(flexbrevo, "same_ticket") == 1, "the wait's end")
    assert [event["event_name"] for event in sandbox.events()] == ["SUPPORT_REQUESTED"]


def test_deliveries_go_on_while_twilio_hangs_and_nobody_is_lost(
        asking, twilio, sandbox, conversations):
    """Each of the 30 asked for 5 s before, in hand with seven more: there was no room for others."""
    conversations.goes_on.clear()
    for _ in range(30):
        send(asking, twilio, nobodys_task(sid("CH")), "task.created")
    harness.wait_until(lambda: conversations.asked, "the first question")
    for n in range(8):
        began = time.monotonic()
        send(asking, twilio, Task(), "task.created")
        harness.wait_until(lambda: len(sandbox.events()) == n + 1, "a delivery")
        assert time.monotonic() - began < 3
        time.sleep(1)
    assert len(conversations.asked) <= 2    # then nobody asks for 7.5 s at least
    assert asking.metric("queue_pending") == 30
    assert filtered(asking, "no_identity") == 0
    conversations.goes_on.set()
    harness.wait_until(lambda: filtered(asking, "no_identity") == 30, "their ends", 120)
    assert 30 <= len(conversations.asked) <= 32
