"""The product from outside: the real binary, a real Redis, a Brevo and an IAM of our own.

    Flexbrevo   the program under test, started, asked, ended by process id
    Redis       a redis-server on a unix socket, every write synced
    Sandbox     the Brevo sandbox in this process, and questions about what it received
    Iam         Twilio's token validation, faked
    Twilio      signs what Twilio would send, with Twilio's own Python library
    Caller      one kept-alive connection to the webhook server

Nothing sleeps for a fixed time: wait_until() polls with a deadline. A failed deadline fails the
test with what was waited for.
"""

import collections
import dataclasses
import fcntl
import hashlib
import http.client
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

from twilio.request_validator import RequestValidator

import brevo_sandbox
import contextlib
import fake_iam
import http_service

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("FLEXBREVO_BIN", str(ROOT / "build" / "flexbrevo"))

ACCOUNT_SID = "AC0123456789abcdef0123456789abcdef"
WORKSPACE_SID = "WS0123456789abcdef0123456789abcdef"
WORKER_SID = "WK0123456789abcdef0123456789abcdef"
AUTH_TOKEN = "5eC4e7000000000000000000000f1e2d"
API_KEY = "xkeysib-000000secret000000"
CLIENT_SECRET = "5ecret+of/the:app%20"      # each of these means something in one of its places
PUBLIC_URL = "https://hooks.example.com"
ATTRIBUTES = "/contacts/attributes"

# What must never be in a log: addresses, phones and names our customers have, secrets, and signatures.
PERSONAL = re.compile(
    r"[\w.+-]+@example\.(?:com|org)|(?<![0-9a-f])\+?346\d{8}(?![0-9a-f])|Zoltana|eyJ[\w-]+|"
    r"(?<![\w+/])[A-Za-z0-9+/]{27}=(?![\w=])|"
    + "|".join(map(re.escape, (AUTH_TOKEN, API_KEY, CLIENT_SECRET))))
BROKEN = re.compile(
    r"AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|Assertion|assertion|"
    r"stack smashing|buffer overflow detected")

# Tickets are judged as if all others had told what they know: most tests are about one task.
NO_WAITS = {"settle": "0", "abandoned_after": "0", "join_wait": "0",
            "voice_end": "0"}

# Nor do they wait for whose an event is; and Twilio itself is asked nothing.
NO_SEEKING = {"wait": "0", "ask_twilio": False}

START_S = 40
STOP_S = 10             # what the product promises
WAIT_S = 40             # others run at the same time
POLL_S = 0.01
GAUGE_S = 5             # a Redis whose disk is slow is asked again by then
QUEUE_GAUGES = {"queue_" + name for name in (
    "accepted", "delivered", "filtered", "parked", "dropped", "pending", "oldest_seconds")}
QUEUE_GAUGES |= {"unaccounted_events", "group_recreated"}


@contextlib.contextmanager
def time_limit(limit_s):
    """TimeoutError in the test, or the fixture, that runs longer."""
    def give_up(*_):
        raise TimeoutError(f"over the test's {limit_s} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)


def wait_until(condition, what, timeout_s=WAIT_S, poll_s=POLL_S, moving=lambda: None):
    """Returns the condition's first true value. Time counts from the last change of what is moving:
    a slow machine has all the time it uses, a stuck program has not."""
    deadline, moved = time.monotonic() + timeout_s, moving()
    while True:
        value = condition()
        if value:
            return value
        if (now := moving()) != moved:
            deadline, moved = time.monotonic() + timeout_s, now
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s for {what() if callable(what) else what}")
        time.sleep(poll_s)


def sid(prefix):
    return prefix + os.urandom(16).hex()


# ---- the program

class Flexbrevo:
    """`flexbrevo run`, `serve` or `work` with a configuration file and a log of its own."""

    def __init__(self, directory, config, command="run", environment=None):
        self.directory = pathlib.Path(directory)
        self.state_dir = self.directory / "state"
        self.command = command
        self.config = config
        self.environment = environment or {}
        self.config_file = self.directory / f"{command}.yaml"
        self.log_file = self.directory / f"{command}.log"
        self.process = None
        self.url = self.admin_url = None
        self.log_start = 0
        self.callers = []

    def start(self, wait=True):
        self.config_file.write_text(json.dumps(self.config, indent=2))  # JSON is YAML
        self.log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.url = self.admin_url = None
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, self.command, "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ())
        if wait:
            self.wait_ready()
        return self

    def environ(self):
        kept = ("PATH", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
        return {name: os.environ[name] for name in kept if name in os.environ} | self.environment

    def wait_ready(self):
        self.admin_url = self._announced("admin_listening")
        if self.command != "work":
            self.url = self._announced("listening")
        wait_until(self.is_ready, lambda: "readiness\n" + self.log(), START_S)

    def _announced(self, event):
        pattern = re.compile(rf"\b{event} url=(http://\S+)")

        def look():
            assert self.process.poll() is None, \
                f"{self.command} ended with {self.process.returncode}\n{self.log()}"
            return pattern.search(self.log()[self.log_start:])

        return wait_until(look, lambda: f"{event}\n{self.log()}", START_S).group(1)

    def caller(self):
        """A connection of one's own to the webhook server; closed with the program."""
        self.callers.append(Caller(self.url))
        return self.callers[-1]

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def is_ready(self):
        return self.admin("/readyz")[0] == 200

    def admin(self, path):
        connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(self.admin_url).netloc, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def metrics(self):
        """{'flexbrevo_queue_pending': 0.0, 'name{label="x"}': 1.0, ...}; {} from who has none: once we
        are dead, our port may be another's."""
        status, body = self.admin("/metrics")
        lines = body.splitlines() if status == 200 else []
        return {name: float(value) for name, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def metric(self, name):
        """A counter that nothing was counted in is 0. A gauge of the queue may be left out while its
        Redis takes its time, and is asked for again; what nobody knows then is no number."""
        deadline = time.monotonic() + GAUGE_S
        while True:
            metrics = self.metrics()
            is_unknown = name in QUEUE_GAUGES and "flexbrevo_queue_pending" not in metrics
            if not is_unknown or time.monotonic() > deadline:
                return metrics.get("flexbrevo_" + name, math.nan if is_unknown else 0.0)
            time.sleep(POLL_S)

    def wait_for_metric(self, name, value):
        """A worker counts after Redis knows what it did."""
        wait_until(lambda: self.metric(name) == value, lambda: f"{name} to be {value}")

    def replay_poison(self):
        """Records that were in hand at five kills in a row are blamed for them: a person helps."""
        status, _, err = run_command(
            "parked", "replay", "--reason", "poison", "--config", self.config_file)
        assert status == 0, err

    def children(self):
        pid = self.process.pid
        found = []
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
        return found

    def freeze(self, redis):
        """Stopped until thaw(). What it asked its Redis just before is answered when we return: it
        takes nothing that comes from now on."""
        self.process.send_signal(signal.SIGSTOP)
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/stat")
        for stat in list(threads):
            wait_until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "the stop")
        redis.do("PING")

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def terminate(self):
        """SIGTERM: ends with status 0 within the promised time."""
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended {STOP_S} s after SIGTERM\n{self.log()}") from None
        assert status == 0, f"ended with {status} after SIGTERM\n{self.log()}"
        return time.monotonic() - began

    def kill(self):
        """SIGKILL; returns when the embedded Redis is gone too."""
        self.process.kill()
        self.process.wait(STOP_S)
        wait_until(self.is_unlocked, "the state directory's lock after kill -9")

    def is_unlocked(self):
        lock = self.state_dir / "lock"
        if not lock.exists():
            return True
        with open(lock, "rb+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def close(self):
        """At the end of a test: ended in order, and nothing in its log that must not be."""
        for caller in self.callers:
            caller.close()
        try:
            if self.process is not None and self.process.poll() is None:
                self.terminate()
        finally:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self.check_log()

    def check_log(self):
        log = self.log()
        for pattern, what in ((BROKEN, "a fault of the program"), (PERSONAL, "personal data")):
            match = pattern.search(log)
            assert match is None, f"{what} in the log: {match.group()}\n{log[-4000:]}"


def run_command(*arguments, environment=None, data=None, timeout_s=20):
    """A command that ends by itself; returns (status, stdout, stderr)."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)], input=data, capture_output=True, timeout=timeout_s,
        env={"PATH": os.environ["PATH"], **(environment or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# ---- Redis

class Redis:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.socket = self.directory / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self.socket),
             "--dir", str(self.directory), "--save", "", "--appendonly", "yes",
             "--appendfsync", "always", "--logfile", "redis.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(self.answers, "redis-server")
        return self

    def answers(self):
        done = subprocess.run(
            ["redis-cli", "-s", str(self.socket), "ping"], capture_output=True, timeout=5)
        return done.stdout == b"PONG\n"

    def do(self, *command):
        """One command; its answer as redis-cli prints it into a file."""
        done = subprocess.run(["redis-cli", "-s", str(self.socket), *map(str, command)],
                              capture_output=True, timeout=10, check=True)
        return done.stdout.decode().removesuffix("\n")

    def cut(self, size):
        """Cuts bytes off the end of the append-only file, as a damaged disk does. Not running."""
        file = max((self.directory / "appendonlydir").glob("*.incr.aof"))
        os.truncate(file, file.stat().st_size - size)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()


# ---- Brevo and IAM

class Sandbox:
    """The Brevo sandbox, without limits unless asked: most tests are not about pace."""

    def __init__(self, rps=0):
        self.brevo = brevo_sandbox.Brevo(rps=rps, api_key=API_KEY)
        self.server = None
        self.port = 0

    def start(self):
        self.brevo.stopping.clear()
        self.server = http_service.Server(self.brevo, self.port).start()
        self.port = self.server.server_address[1]
        return self

    def stop(self):
        """Gone, connections and all; start() brings the same account back at the same place."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v3"

    def fault(self, name, endpoint="*", count=1, **more):
        asked = {"fault": name, "endpoint": endpoint, "count": count, **more}
        with self.brevo.lock:
            self.brevo.faults.append(self.brevo.fault_from(asked))

    def heal(self):
        with self.brevo.lock:
            self.brevo.faults.clear()

    def requests(self, method=None, path=None):
        """What was asked, without the hourly look at the attributes unless that is asked for."""
        with self.brevo.lock:
            entries = list(self.brevo.log)
        return [entry for entry in entries if method in (None, entry["method"])
                and (path == entry["path"] or path is None and entry["path"] != ATTRIBUTES)]

    def events(self, name=None):
        with self.brevo.lock:
            return [event for event in self.brevo.account.events
                    if name in (None, event["event_name"])]

    def event_count(self):
        return len(self.brevo.account.events)

    def contacts(self):
        with self.brevo.lock:
            return list(self.brevo.account.contacts.values())

    def contact(self, email):
        return next((c for c in self.contacts() if c["email"] == email), None)

    def wait_for_events(self, count, timeout_s=WAIT_S):
        wait_until(lambda: self.event_count() >= count,
                   lambda: f"{count} events, {self.event_count()} came", timeout_s,
                   moving=self.event_count)
        return self.events()

    def wait_for_tasks(self, sids, timeout_s=WAIT_S):
        """All of them resolved; others may be, too."""
        sids = set(sids)
        wait_until(lambda: sids <= set(self.tasks()),
                   lambda: f"{len(sids - set(self.tasks()))} of {len(sids)} tasks", timeout_s,
                   moving=self.event_count)

    def tasks(self, name="SUPPORT_RESOLVED"):
        """How often Brevo was told of each task."""
        return collections.Counter(
            event["event_properties"].get("task_sid") for event in self.events(name))

    def check(self):
        assert self.brevo.account.violations == [], self.brevo.account.violations


def as_one(bodies):
    """What several upserts of a contact say together."""
    one = {}
    for body in bodies:
        one.update({**body, **({"attributes": {**one.get("attributes", {}), **body["attributes"]}}
                               if "attributes" in body else {})})
    return one


class Iam:
    def __init__(self):
        self.service = fake_iam.Iam(ACCOUNT_SID, AUTH_TOKEN)
        self.server = http_service.Server(self.service).start()
        self.url = self.server.url

    def fault(self, name, count=1, **more):
        asked = {"fault": name, "count": count, **more}
        with self.service.lock:
            self.service.faults.append(self.service.fault_from(asked))

    def calls(self):
        return len(self.service.log)

    def close(self):
        self.server.stop()


# ---- Twilio

@dataclasses.dataclass
class Customer:
    email: str
    phone: str
    name: str = "Zoltana Example"

    @staticmethod
    def new():
        number = random.randrange(10 ** 8)
        return Customer(f"customer{number:08d}@example.com", f"+346{number:08d}")

    def attributes(self, **more):
        return {"direction": "inbound", "channelType": "whatsapp",
                "customerAddress": "whatsapp:" + self.phone, "customerName": self.name,
                "email": self.email, "phone": self.phone, **more}


class ByPhone:
    """A customer of whom a call or a message tells the number alone."""

    email = ""

    def __init__(self, phone, channel="voice"):
        self.phone, self.channel = phone, channel

    def attributes(self, **more):
        prefix = "whatsapp:" if self.channel == "whatsapp" else ""
        return {"direction": "inbound", "channelType": self.channel,
                "from": prefix + self.phone, **more}


@dataclasses.dataclass
class Task:
    """A task of TaskRouter's, told in the dialect of each route."""

    customer: Customer = dataclasses.field(default_factory=Customer.new)
    sid: str = dataclasses.field(default_factory=lambda: sid("WT"))
    reservation_sid: str = dataclasses.field(default_factory=lambda: sid("WR"))
    age: int = 412
    queue: str = "Billing"
    canceled_reason: str = "hangup"
    time_ms: int = dataclasses.field(default_factory=lambda: int(time.time() * 1000))
    attributes: dict = dataclasses.field(default_factory=dict)
    event_sids: dict = dataclasses.field(default_factory=dict)

    def event_sid(self, event):
        """The same event has the same SID whichever way it comes."""
        return self.event_sids.setdefault(event, sid("EV"))

    def task_attributes(self):
        return json.dumps(self.customer.attributes(**self.attributes))

    @property
    def iso_time(self):
        seconds, ms = divmod(self.time_ms, 1000)
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"

    def callback(self, event):
        """TaskRouter's event callback: every value is a text."""
        fields = {
            "Sid": self.event_sid(event), "EventType": event,
            "EventDescription": f"{event} of Zoltana's task", "AccountSid": ACCOUNT_SID,
            "WorkspaceSid": WORKSPACE_SID, "WorkspaceName": "Zoltana's Flex",
            "ResourceType": "task", "ResourceSid": self.sid,
            "Timestamp": str(self.time_ms // 1000), "TimestampMs": str(self.time_ms),
            "TaskSid": self.sid, "TaskAttributes": self.task_attributes(),
            "TaskAge": str(self.age), "TaskPriority": "0",
            "TaskAssignmentStatus": event.rpartition(".")[2],
            "TaskChannelUniqueName": "chat", "WorkflowName": "Assign to Anyone",
            "WorkflowSid": "WW0123456789abcdef0123456789abcdef"}
        if event != "task.created":
            fields["TaskQueueName"] = self.queue
        if event == "task.completed":
            fields["TaskCompletedReason"] = "resolved"
        if event == "task.canceled":
            fields["TaskCanceledReason"] = self.canceled_reason
        if event.startswith("reservation."):
            fields |= {"ReservationSid": self.reservation_sid, "WorkerSid": WORKER_SID,
                       "ResourceType": "reservation", "ResourceSid": self.reservation_sid}
        return fields

    def cloud_event(self, event):
        """Event Streams: snake_case, two levels down, numbers are numbers."""
        payload = {
            "sid": self.event_sid(event), "eventtype": event, "account_sid": ACCOUNT_SID,
            "timestamp": self.iso_time, "workspace_sid": WORKSPACE_SID,
            "resource_type": "task", "resource_sid": self.sid, "task_sid": self.sid,
            "task_attributes": self.task_attributes(), "task_age": self.age,
            "task_priority": 0, "task_assignment_status": event.rpartition(".")[2],
            "task_channel_unique_name": "chat", "workflow_name": "Assign to Anyone"}
        if event != "task.created":
            payload["task_queue_name"] = self.queue
        if event == "task.completed":
            payload["task_completed_reason"] = "resolved"
        if event == "task.canceled":
            payload["task_canceled_reason"] = self.canceled_reason
        return {
            "specversion": "1.0", "type": "com.twilio.taskrouter." + event,
            "source": f"/v1/Workspaces/{WORKSPACE_SID}/Events", "id": sid("EZ"),
            "dataschema": "https://events-schemas.twilio.com/TaskRouter.WDSEvent/4",
            "datacontenttype": "application/json", "time": self.iso_time,
            "data": {"sid": self.event_sid(event), "account_sid": ACCOUNT_SID,
                     "timestamp": self.iso_time, "payload": payload}}

    def plugin_body(self, **more):
        """The Flex UI plugin, after an agent completed the task."""
        return {"TaskSid": self.sid, "ReservationSid": self.reservation_sid,
                "WorkerSid": WORKER_SID, "TaskAttributes": self.customer.attributes(**self.attributes),
                "TaskChannelUniqueName": "chat", "TaskQueueFriendlyName": self.queue,
                "Age": self.age, "Reason": "Completed manually", **more}


@dataclasses.dataclass
class Webhook:
    path: str
    headers: dict
    body: bytes


class Pairs(dict):
    """A form whose names may have several values, the way Twilio's library wants to see one.

    Its older versions, Debian's among them, sort what items() gives; newer ones ask getall().
    """

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name):
        return self[name]

    def items(self):
        return {(name, value) for name, values in super().items() for value in values}


class Twilio:
    """Makes requests as Twilio does; the signatures are Twilio's own library's."""

    def __init__(self, token=AUTH_TOKEN, public_url=PUBLIC_URL):
        self.public_url = public_url
        self.validator = RequestValidator(token)

    def form(self, fields, path="/webhooks/taskrouter"):
        """`fields` is a dict, or a list of pairs where a name may come several times."""
        pairs = list(fields.items()) if isinstance(fields, dict) else fields
        signature = self.validator.compute_signature(self.public_url + path, Pairs(pairs))
        body = urllib.parse.urlencode(pairs).encode()
        return Webhook(path, {"X-Twilio-Signature": signature, "Content-Type":
                              "application/x-www-form-urlencoded; charset=UTF-8"}, body)

    def json(self, document, path="/webhooks/event-streams"):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        path += "?bodySHA256=" + hashlib.sha256(body).hexdigest()
        signature = self.validator.compute_signature(self.public_url + path, {})
        return Webhook(path, {"X-Twilio-Signature": signature,
                              "Content-Type": "application/json"}, body)

    def callback(self, task, event="task.completed"):
        return self.form(task.callback(event))

    def stream(self, *tasks, event="task.completed"):
        return self.json([task.cloud_event(event) for task in tasks])

    @staticmethod
    def plugin(task, token=None, **more):
        token = fake_iam.flex_token(WORKER_SID) if token is None else token
        return Webhook("/webhooks/flex/task-complete",
                       {"Content-Type": "application/json", "Origin": "https://flex.twilio.com"},
                       json.dumps(task.plugin_body(Token=token, **more)).encode())


@dataclasses.dataclass
class Answer:
    status: int
    headers: object
    body: bytes

    def error(self):
        return json.loads(self.body)["error"]


class Caller:
    """One kept-alive connection."""

    def __init__(self, url, timeout_s=10):
        self.connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(url).netloc, timeout=timeout_s)

    def send(self, webhook, method="POST"):
        self.connection.request(method, webhook.path, webhook.body, webhook.headers)
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def close(self):
        self.connection.close()


# ---- load

class Load:
    """Callers that complete one task after another and remember which were acknowledged.

    A task whose answer never came is not repeated: it may or may not have been stored. New tasks
    wait while more than `backlog` are acknowledged and not delivered, so that a test measures
    behaviour and not the depth of a queue. `loads` as large as this one share the sandbox.
    """

    def __init__(self, flexbrevo, sandbox, twilio, callers=4, backlog=200, loads=1):
        self.flexbrevo = flexbrevo
        self.sandbox = sandbox
        self.twilio = twilio
        self.backlog, self.loads = backlog, loads
        self.customers = [Customer.new() for _ in range(20)]
        self.acknowledged = set()
        self.sent = set()
        self.refused = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._call, daemon=True) for _ in range(callers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _call(self):
        caller, url = None, None
        while not self.stopping.is_set():
            if self.flexbrevo.url is None or self._is_ahead():
                self.stopping.wait(POLL_S)
                continue
            if caller is None or url != self.flexbrevo.url:
                url = self.flexbrevo.url
                caller = self.flexbrevo.caller()
            try:
                self._complete_one(caller)
            except (OSError, http.client.HTTPException):
                caller.close()
                caller = None
                self.stopping.wait(POLL_S)

    def _is_ahead(self):
        return self.loads * len(self.acknowledged) - self.sandbox.event_count() > self.backlog

    def _complete_one(self, caller):
        task = Task(customer=random.choice(self.customers))
        self.sent.add(task.sid)
        answer = caller.send(self.twilio.callback(task))
        if answer.status == 204:
            self.acknowledged.add(task.sid)
        elif answer.status != 503:
            self.refused.append(answer.status)

    def wait_delivered(self, timeout_s=WAIT_S):
        self.sandbox.wait_for_tasks(self.acknowledged, timeout_s)


def copy_state(flexbrevo, directory):
    """The embedded Redis's files as they are on disk, served by a Redis of our own."""
    shutil.copytree(flexbrevo.state_dir / "appendonlydir", pathlib.Path(directory) / "appendonlydir")
    return Redis(directory).start()
