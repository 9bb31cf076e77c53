"""Slow and idle clients, and too many of them: honest callers do not notice."""

import concurrent.futures
import contextlib
import json
import resource
import shutil
import statistics
import subprocess
import threading
import time

import pytest

import harness
import raw_http
from harness import Task

pytestmark = pytest.mark.alone

PAGE_SIZE = resource.getpagesize()
CPU_TICKS_S = 100
P99_S = 1.0
SAMPLES = 50
HEALTHY_PAUSE_S = 0.02
CONNECTIONS_MAX = 4096          # HTTP_CONNECTIONS_MAX
CONNECTION_RSS = 16 * 1024      # docs/http-api.md
BODY_MAX = 4 * 1024 * 1024
HONEST_S = 1.0                  # a body that takes longer may have to give way
NOTICED_S = 5                   # far less than the 15 s of an unfinished request
SANITIZED_FACTOR = 4            # shadow memory and red zones


def is_sanitized(flexbrevo):
    with open(f"/proc/{flexbrevo.process.pid}/maps", encoding="utf-8") as maps:
        return any(word in maps.read() for word in ("asan", "tsan"))


def rss(flexbrevo):
    with open(f"/proc/{flexbrevo.process.pid}/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * PAGE_SIZE


def cpu_s(flexbrevo):
    with open(f"/proc/{flexbrevo.process.pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CPU_TICKS_S


class HealthyCaller:
    """Signed callbacks at a low rate; remembers how long each took, a lost connection included."""

    def __init__(self, flexbrevo, twilio):
        self.flexbrevo = flexbrevo
        self.twilio = twilio
        self.took_s = []
        self.refused = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, failed, *_):
        if failed is None:      # on a slow machine the others may be done before there are enough
            harness.wait_until(lambda: len(self.took_s) >= SAMPLES, f"{SAMPLES} calls", 30)
        self.stopping.set()
        self.thread.join()

    def run(self):
        caller = self.flexbrevo.caller()
        while not self.stopping.wait(HEALTHY_PAUSE_S):
            webhook = self.twilio.callback(Task())
            began = time.monotonic()
            status = self.call(caller, webhook)
            self.took_s.append(time.monotonic() - began)
            if status != 204:
                self.refused.append(status)

    @staticmethod
    def call(caller, webhook):
        for _ in range(3):          # an idle connection may be ended at any time: as proxies do
            try:
                return caller.send(webhook).status
            except (OSError, harness.http.client.HTTPException):
                caller.close()
        return 0

    def p99_s(self):
        return statistics.quantiles(self.took_s, n=100)[98]

    def check(self):
        assert len(self.took_s) >= SAMPLES
        assert self.refused == []
        assert self.p99_s() < P99_S


@contextlib.contextmanager
def many_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        pytest.skip(f"this test needs {count} open files, the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def served(program, redis):
    """Only the webhook server: what is measured is its own."""
    return program("serve", changes={"redis": {"url": redis.url}}).start()


@pytest.mark.slow
@pytest.mark.time_limit(60)
@pytest.mark.parametrize("sent", [b"", b"GET /unknown HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HT"],
                         ids=["silent", "kept alive", "begun"])
def test_5000_idle_connections_lock_nobody_out(served, twilio, sent):
    before = rss(served)
    with many_files(6000), contextlib.ExitStack() as opened, \
            HealthyCaller(served, twilio) as healthy:
        for _ in range(5000):
            connection = opened.enter_context(raw_http.connect(served.url))
            connection.sendall(sent)
        harness.wait_until(lambda: served.metric("connections") <= CONNECTIONS_MAX and
                           served.metric("connections_evicted_total") >= 5000 - CONNECTIONS_MAX,
                           "evictions")
        healthy.stopping.wait(2)
        grown = rss(served) - before
    print(f"p99 {healthy.p99_s() * 1000:.1f} ms, {grown / CONNECTIONS_MAX / 1024:.1f} KiB each")
    healthy.check()
    factor = SANITIZED_FACTOR if is_sanitized(served) else 1
    assert grown < CONNECTIONS_MAX * CONNECTION_RSS * factor
    harness.wait_until(lambda: served.metric("connections") < 10, "all of them to be gone")


SLOW_MODES = {
    "headers": ["-H"],
    "bodies": ["-B"],
    "range": ["-R"],
    "readers": ["-X", "-k", "10", "-w", "1", "-y", "2", "-z", "1", "-n", "1"],
}


@pytest.mark.slow
@pytest.mark.time_limit(60)
@pytest.mark.parametrize("mode", SLOW_MODES)
def test_slow_clients_are_bounded(served, twilio, mode):
    if shutil.which("slowhttptest") is None:
        pytest.skip("slowhttptest is not installed")
    before = rss(served)
    url = served.url + "/webhooks/taskrouter"
    with many_files(6000), HealthyCaller(served, twilio) as healthy:
        done = subprocess.run(
            ["slowhttptest", *SLOW_MODES[mode], "-c", "5000", "-r", "1500", "-i", "2", "-l", "8",
             "-p", "3", "-u", url], capture_output=True, timeout=40, check=False)
        grown = rss(served) - before
    print(f"p99 {healthy.p99_s() * 1000:.1f} ms, {grown / 1024 / 1024:.1f} MiB")
    assert done.returncode == 0, done.stdout[-2000:]
    healthy.check()
    factor = SANITIZED_FACTOR if is_sanitized(served) else 1
    assert grown < CONNECTIONS_MAX * CONNECTION_RSS * factor
    harness.wait_until(lambda: served.metric("connections") < 10, "all of them to be gone")


HALF_A_REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n"
LATE = {    # what is sent at first, and then every second
    "nothing": (b"", b""),
    "half a head": (b"POST / HTTP/1.1\r\nHost: a\r\n", b""),
    "half a body": (HALF_A_REQUEST + b"a", b""),
    "a body that dribbles": (HALF_A_REQUEST, b"x"),
}


def is_hung_up(connection, more):
    try:
        connection.sendall(more)
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def hung_up_on_after_s(url, first, more):
    with raw_http.connect(url, timeout_s=1) as connection:
        connection.sendall(first)
        began = time.monotonic()
        harness.wait_until(lambda: is_hung_up(connection, more), "the end", 30)
        return time.monotonic() - began


@contextlib.contextmanager
def reader_that_takes_nothing(url):
    """Asks until nobody listens any more, for the answers are not taken."""
    request = b"GET /unknown HTTP/1.1\r\nHost: a\r\n\r\n"
    with raw_http.connect(url, timeout_s=1) as connection:
        with pytest.raises((TimeoutError, ConnectionError)):
            while True:
                connection.sendall(request * 1000)
        connection.shutdown(raw_http.socket.SHUT_WR)
        yield


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_who_does_not_go_on_is_hung_up_on(served, twilio):
    """A byte now and then keeps a connection from being idle, but not from being late."""
    with reader_that_takes_nothing(served.url), \
            concurrent.futures.ThreadPoolExecutor(len(LATE)) as pool:
        ends = {name: pool.submit(hung_up_on_after_s, served.url, *sent)
                for name, sent in LATE.items()}
        took_s = {name: end.result() for name, end in ends.items()}
        harness.wait_until(lambda: served.metric("connections") == 0, "the reader's end")
    assert all(10 < seconds < 20 for seconds in took_s.values()), took_s
    assert served.caller().send(twilio.callback(Task())).status == 204


def hold_body(url):
    """A connection whose body, as large as may be, lacks its last byte."""
    connection = raw_http.connect(url)
    connection.sendall(
        b"POST /webhooks/taskrouter HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" % BODY_MAX
        + b"a" * (BODY_MAX - 1))
    return connection


def largest_batch(twilio):
    """A signed batch of just the limit, of one event with a long attribute."""
    event = Task().cloud_event("task.completed")
    event["data"]["padding"] = ""
    event["data"]["padding"] = "a" * (BODY_MAX - len(json.dumps([event])))
    return twilio.json([event])


def test_unproved_bodies_take_the_memory_of_honest_ones_for_a_moment_only(served, twilio):
    """Sixty could fill it almost four times."""
    batch = largest_batch(twilio)
    assert len(batch.body) == BODY_MAX
    with contextlib.ExitStack() as held:
        for _ in range(60):
            held.enter_context(hold_body(served.url))
        began = time.monotonic()
        harness.wait_until(lambda: time.monotonic() - began > HONEST_S, "the moment to pass")
        for webhook in (twilio.callback(Task()), batch, twilio.callback(Task())):
            began = time.monotonic()
            assert served.caller().send(webhook).status == 204
            assert time.monotonic() - began < HONEST_S
        assert served.metric("connections_evicted_total") > 0


def test_unfinished_uploads_that_are_closed_are_soon_gone(served):
    """Most end behind data that nobody has read yet."""
    with contextlib.ExitStack() as held:
        for _ in range(60):
            held.enter_context(hold_body(served.url))
    harness.wait_until(lambda: served.metric("connections") == 0, "the end", NOTICED_S)


def test_without_descriptors_accepting_pauses_and_heals(served, twilio):
    """The limit sinks while the program runs: its own arithmetic does not help."""
    established = served.caller()
    assert established.send(twilio.callback(Task())).status == 204
    pid = served.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, hard))
    with contextlib.ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(raw_http.connect(served.url))
        began, spent = time.monotonic(), cpu_s(served)
        while time.monotonic() - began < 3:
            assert established.send(twilio.callback(Task())).status == 204
            time.sleep(0.05)
        share = (cpu_s(served) - spent) / (time.monotonic() - began)
        print(f"{share * 100:.1f} % of a processor")
        assert share < 0.2
        assert "accept_paused" in served.log()
        assert served.log().count("accept_paused") == 1
    fresh = served.caller()
    assert fresh.send(twilio.callback(Task())).status == 204
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_with_64_descriptors_everybody_is_served(program, redis, twilio, tmp_path, monkeypatch):
    """The limit is known from the start: the longest idle make room."""
    wrapper = tmp_path / "few-files"
    wrapper.write_text(f'#!/bin/sh\nulimit -n 64\nexec {harness.BINARY} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setattr(harness, "BINARY", str(wrapper))
    served = program("serve", changes={"redis": {"url": redis.url}}).start()
    with contextlib.ExitStack() as opened, HealthyCaller(served, twilio) as healthy:
        for _ in range(200):
            opened.enter_context(raw_http.connect(served.url))
        healthy.stopping.wait(2)
        assert served.metric("connections") <= 32
        assert served.metric("connections_evicted_total") >= 150
    healthy.check()
    assert "accept_paused" not in served.log()
