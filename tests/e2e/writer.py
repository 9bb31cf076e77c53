"""Load: tasks from several connections, and when each was acknowledged."""

import random
import threading
import time

import harness
from harness import Task

ANSWER_S = 3            # what every caller is promised


class Writer:
    """Posts tasks until it is stopped, at a pace at which what it leaves behind is soon delivered,
    on a slow machine too; those that are refused are not sent again."""

    def __init__(self, flexbrevo, twilio, callers=4, rate=100):
        self.flexbrevo = flexbrevo
        self.twilio = twilio
        self.pause_s = callers / rate           # between tasks of one caller
        self.acknowledged = {}
        self.refused = {}
        self.sent = set()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._write, daemon=True) for _ in range(callers)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _write(self):
        caller = self.flexbrevo.caller()
        while not self.stopping.is_set():
            task = Task()
            self.sent.add(task.sid)
            answer = caller.send(self.twilio.callback(task))
            assert answer.status in (204, 503)
            if answer.status == 204:
                self.acknowledged[task.sid] = time.monotonic()
            else:
                self.refused[task.sid] = time.monotonic()
            self.stopping.wait(self.pause_s)

    def wait_for(self, count):
        goal = len(self.acknowledged) + count
        harness.wait_until(lambda: len(self.acknowledged) >= goal, f"{count} acknowledged")


class Senders:
    """Callers that tell of one task after another, created and then completed, at a steady pace."""

    def __init__(self, flexbrevo, twilio, rate, callers=8):
        self.flexbrevo, self.twilio = flexbrevo, twilio
        self.pause_s = 2 * callers / rate       # between tasks of one caller
        self.told = []                          # (seconds, status, the record's key)
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._tell, daemon=True) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def _tell(self):
        caller, next_s = self.flexbrevo.caller(), time.monotonic() + random.random() * self.pause_s
        while not self.stopping.wait(max(0, next_s - time.monotonic())):
            next_s += self.pause_s
            task = Task()
            for event in ("task.created", "task.completed"):
                began = time.monotonic()
                status = caller.send(self.twilio.callback(task, event)).status
                self.told.append((time.monotonic() - began, status, f"{event}/{task.sid}"))

    def wait_for(self, more):
        goal = len(self.told) + more
        harness.wait_until(lambda: len(self.told) >= goal, f"{more} requests", 120)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def check(self, stored):
        """Nobody was refused or kept waiting; everything was stored once, a task in its order."""
        assert {status for _, status, _ in self.told} == {204}
        assert max(seconds for seconds, _, _ in self.told) < ANSWER_S
        assert sorted(stored) == sorted(key for _, _, key in self.told)
        place = {key: index for index, key in enumerate(stored)}
        for key in place:
            event, sid = key.split("/")
            if event == "task.completed":
                assert place["task.created/" + sid] < place[key]

    def check_delivered(self, sandbox):
        """At Brevo it is the same."""
        tasks = {key.split("/")[1] for _, _, key in self.told}
        sandbox.wait_for_events(2 * len(tasks))
        assert set(sandbox.tasks()) == tasks
        for name in ("SUPPORT_REQUESTED", "SUPPORT_RESOLVED"):
            assert set(sandbox.tasks(name).values()) == {1}
        told = [(event["event_properties"]["task_sid"], event["event_name"])
                for event in sandbox.events()]
        place = {each: index for index, each in enumerate(told)}
        for sid in tasks:
            assert place[sid, "SUPPORT_REQUESTED"] < place[sid, "SUPPORT_RESOLVED"]
