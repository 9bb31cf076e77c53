"""The Brevo sandbox, with weather: for a while, a share of the requests meets a fault.

Receipts are what the judge needs of each event Brevo took: when, which, and whether whoever sent
it was told.
"""

import collections
import dataclasses
import random

import brevo_sandbox
import harness
import http_service
from http_service import Reply

SHOWN_AFTER_S = 0.2     # until GET /events has what was taken
HANG_S = 1.2        # shorter than the product's own patience: then it hears a closed connection

# What the weather can be; `told` falsehoods (an event taken, and an error said) are "hidden" ones.
WEATHERS = {
    "500": [{"fault": "status", "status": 500}, {"fault": "empty_500"}, {"fault": "object_500"}],
    "502 503": [{"fault": "status", "status": 502}, {"fault": "status", "status": 503}],
    "52x": [{"fault": "html_524"}, {"fault": "html_524", "apply": True},
            {"fault": "status", "status": 520, "body": "<html>", "content_type": "text/html"}],
    "429": [{"fault": "rate_limited"}, {"fault": "rate_limited", "reset": 1},
            {"fault": "rate_limited", "reset": 0}, {"fault": "rate_limited", "reset": "-7"},
            {"fault": "rate_limited", "reset": "soon"},
            {"fault": "status", "status": 429, "headers": {"Retry-After": "1"}}],
    "408 425": [{"fault": "status", "status": 408}, {"fault": "status", "status": 425}],
    "closes": [{"fault": "close"}],
    "takes and closes": [{"fault": "close", "apply": True}],
    "hangs": [{"fault": "hang", "seconds": HANG_S}],
    "takes and hangs": [{"fault": "hang", "seconds": HANG_S, "apply": True}],
    "slow": [{"fault": "delay", "seconds": 0.3}, {"fault": "delay", "seconds": 0.9}],
    "401": [{"fault": "key_revoked"}],
    "ip blocked": [{"fault": "ip_blocked"}],
    "403": [{"fault": "forbidden"}],
}
# An account that refuses everybody does not do so by shares.
WHOLE = ("401", "ip blocked", "403")


@dataclasses.dataclass(frozen=True)
class Receipt:
    effect: tuple       # (event name, task)
    began: float        # time.time()
    hidden: bool        # taken, and the sender does not know


class Brevo(brevo_sandbox.Brevo):
    def __init__(self, choose):
        self.choose = choose
        self.weather = ()
        self.share = 0.0
        super().__init__(rps=0, api_key=harness.API_KEY)
        self.faults.append(
            self.fault_from({"fault": brevo_sandbox.LATE_EVENTS, "seconds": SHOWN_AFTER_S}))

    def _take_fault(self, request):
        with self.lock:
            if self.weather and self.choose.random() < self.share:
                return self.fault_from(self.choose.choice(self.weather))
        return super()._take_fault(request)

    def _answer_with(self, fault, request):
        """Also an error, said about a request that was taken."""
        if fault is None or fault.kind != "status" or not fault.apply:
            return super()._answer_with(fault, request)
        taken = self.answer(request).status < 300
        return Reply(fault.status, fault.body, dict(fault.headers), fault.content_type,
                     {"hidden": taken})


class Sandbox(harness.Sandbox):
    """A harness.Sandbox, weather included."""

    def __init__(self, seed=0):
        super().__init__()
        self.brevo = Brevo(random.Random(seed))

    def start(self):
        return self if self.server is not None else super().start()

    def turn(self, name, share):
        with self.brevo.lock:
            self.brevo.weather = WEATHERS[name]
            self.brevo.share = 1.0 if name in WHOLE else share

    def clear(self):
        with self.brevo.lock:
            self.brevo.weather = ()

    def receipts(self):
        found = []
        for entry in self.requests("POST", "/events"):
            hidden = entry.get("hidden", False)
            if entry["status"] == 204 or hidden:
                body = entry["body"]
                found.append(Receipt(
                    (body["event_name"], body["event_properties"].get("task_sid")),
                    entry["time"], hidden or not entry["answered"]))
        return found

    def looks(self):
        """How many events were looked for, answered or not."""
        return sum(entry["path"].startswith("/events?") for entry in self.requests("GET"))

    def calls(self):
        """How many requests of each kind, for the report."""
        return collections.Counter(
            f"{entry['method']} {'/events' if entry['path'] == '/events' else '/contacts'}"
            for entry in self.requests())


def on_receipt(sandbox, endpoint, act):
    """Calls act() while Brevo holds its first request to this endpoint, which it takes."""
    class Once(http_service.Fault):
        def matches(self, request, path):
            if not super().matches(request, path):
                return False
            act()
            return True

    with sandbox.brevo.lock:
        sandbox.brevo.faults.append(Once("close", endpoint=endpoint, count=1, apply=True))
