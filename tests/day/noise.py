"""What else an account hears in a day, and nothing may come of."""

import json
import time

import harness


def one(day, twilio, at_ms):
    """A maker of one request, harness.Webhook."""
    kind = day.choose.choice((_anonymous, _foreign, _nobodys_end, _message))
    return kind(day, twilio, at_ms)


def _task(day, at_ms):
    return harness.Task(
        customer=harness.Customer("nobody@example.com", "+34600000000"), sid=day.sid("WT"),
        time_ms=at_ms, event_sids={"task.created": day.sid("EV")})


def _anonymous(day, twilio, at_ms):
    """Who withheld the number cannot be told of."""
    fields = _task(day, at_ms).callback("task.created") | {
        "TaskChannelUniqueName": "voice",
        "TaskAttributes": json.dumps({"direction": "inbound", "from": "anonymous"})}
    return lambda: twilio.form(fields)


def _foreign(day, twilio, at_ms):
    """Another account that shares the token ring."""
    fields = _task(day, at_ms).callback("task.created") | {"AccountSid": day.sid("AC")}
    return lambda: twilio.form(fields)


def _nobodys_end(day, twilio, at_ms):
    """Most conversations are none of Flex's."""
    fields = {"EventType": "onConversationStateUpdated", "AccountSid": harness.ACCOUNT_SID,
              "ConversationSid": day.sid("CH"), "StateFrom": "active", "StateTo": "closed",
              "StateUpdated": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at_ms // 1000))}
    return lambda: twilio.form(fields, "/webhooks/conversations")


def _message(day, twilio, at_ms):
    """Statuses of messages are left out until they are named."""
    fields = {"AccountSid": harness.ACCOUNT_SID, "MessageSid": day.sid("SM"),
              "MessageStatus": "delivered", "From": "+15550001111", "To": "+34600000000"}
    return lambda: twilio.form(fields, "/webhooks/messaging")
