"""All there is, on one machine: Redis, a network in front of it, servers, workers, Brevo, Twilio.

    producers ─► server ─► proxy ─► redis-server ◄─ proxy ◄─ workers ─► Brevo

Processes are named "redis", "server", "worker" and "worker2". Whatever is done to them is done by
their process id, and everything ends with close().
"""

import os
import random
import re
import signal
import threading
import time

import redis as redis_client

import harness
from brevo_weather import Sandbox
from judge import Evidence
from tcp_proxy import Proxy
from twilio_sender import Sender

SAMPLE_S = 0.2
# Longer than the sandbox takes to show an event, and no longer than a run can wait for.
LOOKUP_AFTER = os.environ.get("FLEXBREVO_LOOKUP_AFTER", "300ms")
RECORDS = "fb:{0}:r:"


class Program(harness.Flexbrevo):
    """May be started while Redis is away: then it says later where it listens."""

    def look(self):
        if self.command == "serve":
            self.url = self._found("listening")
        self.admin_url = self._found("admin_listening")

    def _found(self, event):
        match = re.search(rf"\b{event} url=(http://\S+)", self.log()[self.log_start:])
        return match.group(1) if match else None

    def crashing(self, at):
        """Starts, to be killed by itself at a crash point."""
        usual, self.environment = self.environment, {"FLEXBREVO_CRASH_AT": at}
        self.start(wait=False)
        self.environment = usual


class Store(harness.Redis):
    """Its start does not wait until it answers."""

    def start(self, wait=True):
        if wait:
            return super().start()
        answers, self.answers = self.answers, lambda: True
        try:
            return super().start()
        finally:
            self.answers = answers


class Laboratory:
    def __init__(self, directory, seed=0, workers=1, environments=None, samples=True):
        self.directory = directory
        self.choose = random.Random(f"{seed} laboratory")
        self.store = Store(directory / "redis")
        self.proxies = {"server": Proxy(self.store.socket), "worker": Proxy(self.store.socket)}
        self.sandbox = Sandbox(seed)
        self.iam = harness.Iam()
        self.environments = environments or {}
        self.programs = {}
        self.workers = [f"worker{n or ''}" for n in (0, *range(2, workers + 1))]
        self.down = set()           # processes that we ended
        self.frozen = set()
        self.cuts = []              # times when an answer of Brevo's may have found nobody
        self.deaths = []            # of processes that we did not end
        self.samples = []           # what /metrics said of the queue
        self.closing = threading.Event()
        self.sampler = threading.Thread(target=self._sample if samples else int, daemon=True)
        self.sender = Sender(self.server_url, self.choose)

    # ---- begin and end

    def start(self):
        for proxy in self.proxies.values():
            proxy.start()
        self.sandbox.start()
        if self.store.process is None:
            self.store.start()
        for name in ("server", *self.workers):
            self.programs[name] = self._program(name)
            self.programs[name].start(wait=False)
        for program in self.programs.values():
            program.wait_ready()
        self.sampler.start()
        self.sender.start()
        return self

    def _program(self, name):
        directory = self.directory / name
        directory.mkdir(parents=True)
        return Program(directory, self._config(name, directory),
                       "serve" if name == "server" else "work", self.environments.get(name))

    def _config(self, name, directory):
        proxy = self.proxies["server" if name == "server" else "worker"]
        return {
            "connectors": {"twilio_flex": {
                "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
                "auth_token": harness.AUTH_TOKEN, "iam_url": self.iam.url,
                "lists": {"support_contacts": 32, "csat_respondents": 33}}},
            "brevo": {"api_key": harness.API_KEY, "base_url": self.sandbox.url,
                      "max_rps": 1000, "rate_share": 1, "lookup_after": LOOKUP_AFTER},
            "redis": {"url": proxy.url},
            "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
            "admin": {"listen": "127.0.0.1:0"},
            "queue": {"plugin_wait": "250ms"},
            "ticket": {**harness.NO_WAITS, "voice_end": "1ms"},
            "identity": dict(harness.NO_SEEKING),
            "csat": {"settle": "0"},
            "state_dir": str(directory / "state"),
        }

    def close(self):
        """Kills what is left; nothing of the laboratory outlives it."""
        self.closing.set()
        self.sender.stop()
        for name in ("server", *self.workers, "redis"):
            process = self._process(name)
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if self.sampler.is_alive():
            self.sampler.join()
        self.sandbox.stop()
        self.iam.close()
        for proxy in self.proxies.values():
            if proxy.thread.is_alive():
                proxy.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def stop(self):
        """The orderly end: SIGTERM, status 0 in time, nothing in the logs that must not be."""
        for name in ("server", *self.workers):
            self.programs[name].terminate()
            self.programs[name].check_log()

    # ---- what may be done to a process

    def _process(self, name):
        owner = self.store if name == "redis" else self.programs.get(name)
        return owner.process if owner is not None else None

    def kill(self, name):
        self._note_deaths()
        process = self._process(name)
        self.down.add(name)
        self.frozen.discard(name)
        if process.poll() is None:
            process.kill()
        process.wait()
        self._note_cut(name)

    def crash(self, name, at):
        """Ends by itself at a crash point, or is killed by revive()."""
        self.kill(name)
        self.programs[name].crashing(at)

    def freeze(self, name):
        process = self._process(name)
        if process.poll() is None:
            self.frozen.add(name)
            process.send_signal(signal.SIGSTOP)

    def thaw(self, name):
        if name in self.frozen:
            self.frozen.discard(name)
            self._process(name).send_signal(signal.SIGCONT)

    def terminate(self, name):
        """SIGTERM, and waits for the end."""
        self.thaw(name)
        program = self.programs[name]
        program.look()
        if program.admin_url is None or name in self.down:
            self.kill(name)                 # not up yet, or about to crash: it may end as it likes
        elif program.process.poll() is None:
            self.down.add(name)
            before = len(program.log())
            program.terminate()
            if " unsettled " in program.log()[before:]:
                self._note_cut(name)        # Redis was away for its whole drain

    def revive(self, name):
        if name in self.down:
            self.kill(name)
            self.down.discard(name)
            owner = self.store if name == "redis" else self.programs[name]
            owner.start(wait=False)

    def brevo_away(self):
        self.sandbox.stop()
        self._note_cut("worker")

    def brevo_back(self):
        """What it had read when it went, it may have taken since."""
        if self.sandbox.server is None:
            self._note_cut("worker")
            self.sandbox.start()

    def _note_cut(self, name):
        if name in self.workers:
            self.cuts.append(time.time())

    def _note_deaths(self):
        """A process that ended by itself and was not asked to."""
        for name in ("redis", "server", *self.workers):
            process = self._process(name)
            if process is not None and process.poll() is not None and name not in self.down:
                self.deaths.append(f"{name} ended by itself with {process.returncode}")
                self.down.add(name)
                self._note_cut(name)

    def heal(self):
        """Everything runs, and nothing is between."""
        self._note_deaths()
        for proxy in self.proxies.values():
            proxy.heal()
        self.sandbox.clear()
        self.brevo_back()
        for name in ("redis", "server", *self.workers):
            self.thaw(name)
            self.revive(name)

    # ---- asked

    def server_url(self):
        program = self.programs["server"]
        if program.url is None:
            program.look()
        return program.url

    def metrics(self, name):
        program = self.programs[name]
        if program.admin_url is None:
            program.look()
        return program.metrics() if program.admin_url else {}

    def _sample(self):
        while not self.closing.wait(SAMPLE_S):
            for name in ("server", self.workers[0]):
                gauges = self.metrics(name)
                if "flexbrevo_queue_accepted" in gauges:
                    self.samples.append(gauges)

    def client(self):
        return redis_client.Redis(unix_socket_path=str(self.store.socket))

    def records(self):
        """{record key: state} as Redis has it."""
        with self.client() as client:
            keys = list(client.scan_iter(RECORDS + "*", 1000))
            states = client.pipeline(transaction=False)
            for key in keys:
                states.hget(key, "s")
            return {key.decode()[len(RECORDS):]: (state or b"").decode()
                    for key, state in zip(keys, states.execute())}

    def is_quiet(self):
        """Nothing waits, neither in Redis nor for it."""
        gauges = self.metrics("server")
        return (gauges.get("flexbrevo_queue_pending") == 0
                and gauges.get("flexbrevo_spool_pending", 0) == 0)

    def wait_quiet(self, timeout_s):
        harness.wait_until(self.is_quiet, lambda: f"an empty queue: {self.metrics('server')}",
                           timeout_s)

    def evidence(self, workload):
        self._note_deaths()
        return Evidence(
            workload=workload, records=self.records(), receipts=self.sandbox.receipts(),
            cuts=list(self.cuts), samples=[*self.samples, self.metrics("server")],
            discarded=list(self.sender.discarded), deaths=list(self.deaths),
            violations=list(self.sandbox.brevo.account.violations),
            contacts=contacts(self.sandbox), clean_contacts=None)


def contacts(sandbox):
    """{email: contact} without what the order of arrival decides."""
    return {contact["email"]: {name: value for name, value in contact.items()
                               if name not in ("id", "createdAt", "modifiedAt")}
            | {"listIds": sorted(contact["listIds"])}       # which, not which first
            for contact in sandbox.contacts()}
