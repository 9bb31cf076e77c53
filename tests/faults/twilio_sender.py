"""Twilio as a caller: each of its products repeats a request by rules of its own.

    Event Streams   429, 5xx and no answer: again, for four hours; any other 4xx: thrown away
    callbacks       as often as #rc= in the URL says, or once
    the plugin      our own code: 429, 5xx and no answer again
    Studio          once more, then the flow goes on without us

The hours are seconds here, and end with patience_s.
"""

import dataclasses
import heapq
import http.client
import itertools
import threading
import time

import harness

ANSWER_S = 5                # how long Event Streams waits for an answer
AGAIN_S = (0.05, 0.5)       # between two attempts


@dataclasses.dataclass(frozen=True)
class Rules:
    attempts: float         # at most
    repeats_429: bool


CALLERS = {
    "stream": Rules(float("inf"), True),
    "callback": Rules(6, False),
    "callback_once": Rules(1, False),
    "plugin": Rules(float("inf"), True),
    "studio": Rules(2, False),
}


class Sender:
    """Sends posts at their time, from a few connections; what is not acknowledged again."""

    def __init__(self, url_of, choose, threads=5):
        self.url_of = url_of                # where the server is by now, or None
        self.choose = choose
        self.lock = threading.Lock()
        self.waiting = []
        self.number = itertools.count()     # posts of one time keep their order
        self.unfinished = 0
        self.discarded = []                 # by a 4xx: Twilio throws the event away
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._send_all, daemon=True)
                        for _ in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def add(self, post, due):
        """`due` is a time.monotonic()."""
        with self.lock:
            self.unfinished += 1
            heapq.heappush(self.waiting, (due, next(self.number), post))

    def wait(self, timeout_s):
        harness.wait_until(lambda: self.unfinished == 0,
                           lambda: f"{self.unfinished} posts to be acknowledged", timeout_s)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _next(self):
        with self.lock:
            if self.waiting and self.waiting[0][0] <= time.monotonic():
                return heapq.heappop(self.waiting)[2]
        return None

    def _send_all(self):
        caller, url = None, None
        while not self.stopping.is_set():
            post = self._next()
            if post is None:
                self.stopping.wait(harness.POLL_S)
                continue
            if caller is None or url != self.url_of():
                if caller is not None:
                    caller.close()
                url = self.url_of()
                caller = harness.Caller(url, ANSWER_S) if url else None
            if not self._send(caller, post) and caller is not None:
                caller.close()
                caller = None
        if caller is not None:
            caller.close()

    def _send(self, caller, post):
        """False when there was no answer."""
        status = None
        try:
            if caller is not None:
                status = caller.send(post.webhook).status
        except (OSError, http.client.HTTPException):
            pass
        self._judge(post, status)
        return status is not None

    def _judge(self, post, status):
        rules = CALLERS[post.caller]
        with self.lock:
            post.statuses.append(status)
            if status is not None and 200 <= status < 300:
                post.acknowledged = True
            elif status is None or status >= 500 or (status == 429 and rules.repeats_429):
                if len(post.statuses) < rules.attempts:
                    due = time.monotonic() + self.choose.uniform(*AGAIN_S)
                    heapq.heappush(self.waiting, (due, next(self.number), post))
                    return
            else:
                self.discarded.append(post)
            self.unfinished -= 1
