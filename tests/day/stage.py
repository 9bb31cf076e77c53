"""All there is to tell a day to: the program with a Redis of its own, and Brevo's sandbox.

The sandbox is a process of its own, so that it answers while this one signs and posts.
"""

import dataclasses
import http.client
import json
import subprocess
import sys
import time
import urllib.parse

import harness
from story import APART_MS
from twilio_sender import Sender

BREVO_RPS = 5000
CONNECTIONS = 4
LOOK_S = 0.25              # each look is a process


@dataclasses.dataclass
class Pace:
    """How long the program waits for what is on its way, in its own time and not in the day's."""

    settle: str = "6s"
    plugin_wait: str = "3s"
    join_wait: str = "12s"
    remember: str = "15m"       # contacts, as by default
    ahead_max: int = 150        # records stored and not yet read: nobody knows what they say
    patience_s: float = 60      # until all is settled


class BrevoProcess:
    """tests/sandbox/brevo_sandbox.py, without limits unless asked."""

    def __init__(self, rps=0):
        script = harness.ROOT / "tests" / "sandbox" / "brevo_sandbox.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script), "--rps", str(rps), "--api-key", harness.API_KEY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def ask(self, method, path, body=None):
        """By a connection of its own: between two questions the day may be long."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {
                "api-key": harness.API_KEY, "Content-Type": "application/json"})
            answer = connection.getresponse()
            read = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, (method, path, answer.status, read)
        return json.loads(read) if read else None

    def remember(self, person):
        """A contact of the evening before."""
        self.ask("POST", "/v3/contacts", person.prior)

    def page(self, name):
        return self.ask("GET", "/sandbox/" + name)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


# The manual's, but for the tier.
OVERWRITING = {
    "identity": "FLEX_IDENTITY", "friendly_name": "FIRSTNAME", "attributes.email": "email",
    "attributes.phone": "SMS", "last_conversation_date": "LAST_SUPPORT_DATE",
    "total_conversations": "SUPPORT_TICKET_COUNT", "avg_wait_time": "AVG_WAIT_TIME",
    "last_csat_score": "CSAT_SCORE", "preferred_channel": "PREFERRED_CHANNEL",
    "customer_tier": {"to": "VIP_TIER", "overwrite": "always"}, "account_id": "ACCOUNT_ID"}


class Stage:
    def __init__(self, directory, pace=None, rps=0, overwrites=False):
        self.pace = pace or Pace()
        self.brevo = BrevoProcess(rps)
        self.iam = harness.Iam()
        self.program = harness.Flexbrevo(directory, self._config(directory, overwrites))
        self.sender = None
        self.slowest_s = 0.0        # from when some posts were sent until they had been read

    def _config(self, directory, overwrites):
        return {
            "connectors": {"twilio_flex": {
                "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
                "auth_token": harness.AUTH_TOKEN, "iam_url": self.iam.url,
                "lists": {"support_contacts": 32, "csat_respondents": 33},
                **({"field_mapping": OVERWRITING} if overwrites else {})}},
            "brevo": {"api_key": harness.API_KEY, "base_url": self.brevo.url,
                      "max_rps": BREVO_RPS, "rate_share": 1, "max_event_age": "24h",
                      "remember_contacts": self.pace.remember, "agent": "name"},
            "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
            "admin": {"listen": "127.0.0.1:0"},
            "queue": {"plugin_wait": self.pace.plugin_wait},
            "ticket": {"settle": self.pace.settle, "join_wait": self.pace.join_wait,
                       "voice_end": self.pace.settle},
            "csat": {"settle": self.pace.settle},
            "identity": {**harness.NO_SEEKING, "own_numbers": ["+15550001111"]},
            "state_dir": str(directory / "state"),
        }

    def __enter__(self):
        try:
            self.program.start()
        except BaseException:
            self.__exit__()
            raise
        self.sender = Sender(lambda: self.program.url, None, CONNECTIONS).start()
        return self

    def __exit__(self, *_):
        if self.sender is not None:
            self.sender.stop()
        try:
            self.program.close()
        finally:
            self.brevo.close()
            self.iam.close()

    def tell(self, posts, in_any_order=False):
        """All of them, in their order; returns how long that took, in seconds.

        The program waits for what is on its way, not for what it has not come to: so it is told no
        faster than it reads. Nor faster than it settles tickets whose order matters.
        """
        began = before = last = time.monotonic()
        day_s_per_s = APART_MS / 1000 / float(self.pace.settle.removesuffix("s"))
        for number, post in enumerate(posts):
            if not in_any_order:
                day_s = (post.at_ms - posts[0].at_ms) / 1000
                time.sleep(max(0, began + day_s / day_s_per_s - time.monotonic()))
            if number % (self.pace.ahead_max // 2) == 0:
                harness.wait_until(lambda: self.ahead() < self.pace.ahead_max,
                                   "the program to keep up", self.pace.patience_s, LOOK_S)
                before, last = last, time.monotonic()
                self.slowest_s = max(self.slowest_s, last - before)
            self.sender.add(post, began)
        self.sender.wait(self.pace.patience_s)
        assert self.sender.discarded == []
        return time.monotonic() - began

    def ahead(self):
        """Posts not yet answered, and records not yet read."""
        status, out, err = harness.run_command(
            "status", "--json", "--config", self.program.config_file)
        assert status == 0, err
        told = json.loads(out)
        return self.sender.unfinished + told["queue_pending"] - told["queue_delayed"]

    def drain(self):
        """Until nothing waits for anything; returns how long that took."""
        began = time.monotonic()
        harness.wait_until(self._is_quiet, lambda: f"an empty queue: {self._waiting()}",
                           self.pace.patience_s, LOOK_S)
        return time.monotonic() - began

    def _waiting(self):
        gauges = self.program.metrics()
        return {name: gauges.get(f"flexbrevo_{name}") for name in (
            "queue_pending", "spool_pending", "queue_parked", "queue_dropped")}

    def _is_quiet(self):
        waiting = self._waiting()
        return waiting["queue_pending"] == 0 and not waiting["spool_pending"]

    def counts(self):
        """What became of the records."""
        return {name.removeprefix("flexbrevo_"): int(value)
                for name, value in self.program.metrics().items()
                if name.startswith(("flexbrevo_events_filtered", "flexbrevo_events_delivered",
                                    "flexbrevo_events_parked")) and value}
