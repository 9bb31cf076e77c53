"""Load: tasks from several connections, and when each was acknowledged."""

import threading
import time

import harness
from harness import Task


class Writer:
    """Posts tasks until it is stopped; those that are refused are not sent again."""

    def __init__(self, flexbrevo, twilio, callers=4):
        self.flexbrevo = flexbrevo
        self.twilio = twilio
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
                self.stopping.wait(0.02)

    def wait_for(self, count):
        goal = len(self.acknowledged) + count
        harness.wait_until(lambda: len(self.acknowledged) >= goal, f"{count} acknowledged")
