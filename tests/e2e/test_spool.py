"""Redis away: events are acknowledged from the local spool, and drained in order when it is back.

FLEXBREVO_OUTAGE_S is how long the long outage lasts (10).
"""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest

import harness
from harness import Task
from writer import ANSWER_S, Senders

OUTAGE_S = int(os.environ.get("FLEXBREVO_OUTAGE_S", "10"))


@pytest.fixture
def flexbrevo(program, redis):
    return program(changes={"redis": {"url": redis.url}}).start()


@pytest.fixture
def hang(redis):
    """Redis takes what it is sent and says nothing, until it is woken."""
    class Hang:
        def begin(self):
            os.kill(redis.process.pid, signal.SIGSTOP)

        def end(self):
            os.kill(redis.process.pid, signal.SIGCONT)

    hang = Hang()
    yield hang
    if redis.process.poll() is None:
        hang.end()


def spooled(flexbrevo):
    return flexbrevo.metric("spool_pending")


def rows(flexbrevo, number=1):
    """(key, route) of what is in the file, oldest first."""
    path = flexbrevo.state_dir / f"spool-{number}.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        return [(key.decode(), route.decode()) for key, route in
                file.execute("SELECT key, route FROM events ORDER BY id")]


def stream(redis):
    """The records' keys in the queue, in its order."""
    return redis.do("xrange", "fb:{0}:stream", "-", "+").split("\n")[2::3]


def settled(flexbrevo):
    """The metrics, once Redis has been asked again and nothing is left to do."""
    def look():
        shown = flexbrevo.metrics()
        return shown if shown.get("flexbrevo_queue_pending") == 0 else None

    return harness.wait_until(look, "an empty queue")


def wait_drained(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metrics().get("flexbrevo_spool_pending") == 0,
                       lambda: f"a drained spool\n{flexbrevo.log()}")


def test_redis_killed_events_are_kept_and_then_delivered(
        flexbrevo, caller, redis, twilio, sandbox):
    redis.kill()
    tasks = [Task() for _ in range(20)]
    for task in tasks[:-2]:
        assert caller.send(twilio.callback(task)).status == 204
    assert caller.send(twilio.stream(tasks[-2])).status == 204
    assert caller.send(twilio.plugin(tasks[-1])).status == 202
    assert spooled(flexbrevo) == len(tasks)
    assert flexbrevo.is_ready()
    redis.start()
    wait_drained(flexbrevo)
    sandbox.wait_for_tasks({t.sid for t in tasks})
    assert max(sandbox.tasks().values()) == 1
    shown = settled(flexbrevo)
    assert shown["flexbrevo_queue_accepted"] == len(tasks)
    assert shown["flexbrevo_unaccounted_events"] == 0


def test_a_hang_is_taken_over_within_one_request(flexbrevo, caller, hang, twilio, sandbox):
    first, later = Task(), [Task() for _ in range(5)]
    hang.begin()
    began = time.monotonic()
    assert caller.send(twilio.callback(first)).status == 204
    assert time.monotonic() - began < ANSWER_S
    began = time.monotonic()
    for task in later:                          # these do not wait for Redis any more
        assert caller.send(twilio.callback(task)).status == 204
    assert time.monotonic() - began < 1
    hang.end()
    wait_drained(flexbrevo)
    sandbox.wait_for_tasks({t.sid for t in [first, *later]})
    assert max(sandbox.tasks().values()) == 1   # the first had reached Redis after all
    assert settled(flexbrevo)["flexbrevo_queue_accepted"] == 6


@pytest.mark.parametrize("setting", [("maxmemory", "1", "0"),
                                     ("min-replicas-to-write", "1", "0")])
def test_a_redis_that_refuses_writes_counts_as_away(
        flexbrevo, caller, redis, twilio, sandbox, setting):
    name, broken, mended = setting
    redis.do("config", "set", name, broken)
    tasks = [Task() for _ in range(5)]
    for task in tasks:
        assert caller.send(twilio.callback(task)).status == 204
    assert spooled(flexbrevo) == 5
    redis.do("config", "set", name, mended)
    wait_drained(flexbrevo)
    sandbox.wait_for_tasks({t.sid for t in tasks})


def test_the_order_of_arrival_is_kept(program, redis, twilio):
    """While the spool drains, and after it, new events queue up behind the old ones."""
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller, sent = flexbrevo.caller(), []

    def send(count):
        for _ in range(count):
            task = Task()
            assert caller.send(twilio.callback(task)).status == 204
            sent.append("task.completed/" + task.sid)

    send(3)
    redis.kill()
    send(300)
    assert rows(flexbrevo) == [(key, "taskrouter") for key in sent[3:]]
    redis.start()
    while spooled(flexbrevo) > 0:
        send(10)
    send(50)
    assert stream(redis) == sent


def test_the_same_event_again_is_kept_once_and_other_routes_join_it(
        flexbrevo, caller, redis, twilio, sandbox):
    redis.kill()
    task = Task()
    for _ in range(3):
        assert caller.send(twilio.callback(task)).status == 204
        assert caller.send(twilio.stream(task)).status == 204
        assert caller.send(twilio.plugin(task)).status == 202
    assert [route for _, route in rows(flexbrevo)] == ["taskrouter", "event_streams", "plugin"]
    assert flexbrevo.metric('events_duplicate_total{source="taskrouter"}') == 2
    redis.start()
    wait_drained(flexbrevo)
    sandbox.wait_for_events(1)
    assert settled(flexbrevo)["flexbrevo_queue_accepted"] == 1
    assert sandbox.tasks() == {task.sid: 1}


def test_kill_9_of_the_server_loses_nothing_that_was_spooled(
        program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    caller = flexbrevo.caller()
    redis.kill()
    tasks = [Task() for _ in range(50)]
    for task in tasks[:30]:
        assert caller.send(twilio.callback(task)).status == 204
    flexbrevo.kill()
    flexbrevo.start()                           # Redis is away at the start, too
    assert spooled(flexbrevo) == 30
    caller = flexbrevo.caller()
    for task in tasks[30:]:
        assert caller.send(twilio.callback(task)).status == 204
    assert rows(flexbrevo) == [("task.completed/" + task.sid, "taskrouter") for task in tasks]
    redis.start()
    wait_drained(flexbrevo)
    sandbox.wait_for_tasks({t.sid for t in tasks})
    assert max(sandbox.tasks().values()) == 1


def test_kill_9_in_the_midst_of_draining_loses_nothing(program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    caller = flexbrevo.caller()
    redis.kill()
    tasks = [Task() for _ in range(400)]
    for task in tasks:
        assert caller.send(twilio.callback(task)).status == 204
    for _ in range(2):
        redis.start()
        harness.wait_until(lambda: redis.do("xlen", "fb:{0}:stream") != "0", "draining")
        flexbrevo.kill()
        redis.kill()
        flexbrevo.start()
    redis.start()
    wait_drained(flexbrevo)
    sandbox.wait_for_tasks({t.sid for t in tasks})
    shown = settled(flexbrevo)
    assert shown["flexbrevo_queue_accepted"] == len(tasks)
    assert shown["flexbrevo_unaccounted_events"] == 0


def test_sigterm_with_a_full_hand_keeps_what_was_acknowledged(program, redis, hang, twilio):
    """Redis hangs, requests are under way: those that get a 204 are in the file."""
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller, task = flexbrevo.caller(), Task()
    hang.begin()
    webhook = twilio.callback(task)
    caller.connection.request("POST", webhook.path, webhook.body, webhook.headers)
    caller.connection.sock.settimeout(10)
    flexbrevo.process.send_signal(signal.SIGTERM)
    assert caller.connection.getresponse().status == 204
    assert flexbrevo.process.wait(harness.STOP_S) == 0
    assert rows(flexbrevo) == [("task.completed/" + task.sid, "taskrouter")]


# ---- no room

def test_a_full_spool_is_503_and_for_the_plugin_429_until_it_has_drained(
        program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url},
                                 "queue": {"spool_max": "256KiB"}}).start()
    caller = flexbrevo.caller()
    redis.kill()
    kept = fill(caller, twilio)
    assert 20 < len(kept) < 400
    larger = "x" * 8192      # than a page: what is left of the last one is no room for it
    assert caller.send(twilio.plugin(Task(), Notes=larger)).status == 429
    assert not flexbrevo.is_ready()
    assert " error spool_failed " in flexbrevo.log()
    assert flexbrevo.metric("spool_errors_total") > 0
    redis.start()
    wait_drained(flexbrevo)
    harness.wait_until(flexbrevo.is_ready, "readiness")
    assert caller.send(twilio.callback(Task())).status == 204
    sandbox.wait_for_tasks(kept)


def fill(caller, twilio):
    """Sends until there is no room; the tasks that were acknowledged."""
    kept = set()
    for _ in range(2000):
        task = Task()
        status = caller.send(twilio.callback(task)).status
        if status == 503:
            return kept
        assert status == 204
        kept.add(task.sid)
    raise AssertionError("never full")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    directory = tmp_path / "disk"
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none",
                              str(directory)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("may not mount a tmpfs; tests/unit/test_spool.c limits the size of files")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_a_full_disk_is_survived_and_recovers_by_itself(
        program, redis, twilio, sandbox, small_disk):
    flexbrevo = program(changes={"redis": {"url": redis.url},
                                 "state_dir": str(small_disk / "state")})
    flexbrevo.state_dir = small_disk / "state"
    flexbrevo.start()
    caller = flexbrevo.caller()
    redis.kill()
    kept = fill(caller, twilio)
    assert len(kept) > 20
    harness.wait_until(lambda: not flexbrevo.is_ready(), "not ready")
    assert flexbrevo.admin("/livez")[0] == 200
    redis.start()
    last = Task()
    harness.wait_until(lambda: caller.send(twilio.callback(last)).status == 204, "a 204")
    sandbox.wait_for_tasks(kept | {last.sid})
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == len(sandbox.tasks()),
                       "all settled")          # else the kill would double them
    flexbrevo.kill()                            # whatever could not be removed comes again
    flexbrevo.start()
    wait_drained(flexbrevo)
    settled(flexbrevo)
    assert max(sandbox.tasks().values()) == 1


def test_a_disk_without_any_room_at_the_start_is_no_reason_not_to_start(
        program, redis, twilio, sandbox, small_disk):
    state = small_disk / "state"
    state.mkdir()
    for name in ("id.lock", "id", "worker-1.lock", "spool-1.lock"):
        (state / name).touch()
    ballast = small_disk / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}, "state_dir": str(state)})
    flexbrevo.start()
    caller = flexbrevo.caller()
    assert caller.send(twilio.callback(Task())).status == 204   # Redis is there
    redis.kill()
    assert caller.send(twilio.callback(Task())).status == 503
    ballast.unlink()
    harness.wait_until(lambda: caller.send(twilio.callback(Task())).status == 204, "a 204")


# ---- files

def test_a_damaged_spool_is_moved_aside_and_said(program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    redis.kill()
    for _ in range(20):
        assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    flexbrevo.terminate()
    file = flexbrevo.state_dir / "spool-1.db"
    file.write_bytes(b"x" * 9000)
    flexbrevo.start()
    moved, = flexbrevo.state_dir.glob("spool-1.damaged-*")
    assert moved.read_bytes() == b"x" * 9000
    assert f" error spool_damaged moved_to={moved} " in flexbrevo.log()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    assert len(rows(flexbrevo)) == 1


def test_a_spool_nobody_has_any_more_is_drained_by_another_server(
        program, redis, twilio, tmp_path):
    """Two servers on one state_dir, one of which dies for good."""
    settings = {"redis": {"url": redis.url}}
    first, second = program("serve", settings), program("serve", settings)
    second.config_file, second.log_file = tmp_path / "second.yaml", tmp_path / "second.log"
    first.start()
    second.start()
    redis.kill()
    sent = []
    for server in (first, second):
        for _ in range(10):
            task = Task()
            assert server.caller().send(twilio.callback(task)).status == 204
            sent.append("task.completed/" + task.sid)
    assert len(rows(first, 1)) == len(rows(first, 2)) == 10
    first.kill()
    second.terminate()
    second.start()
    assert spooled(second) == 20
    redis.start()
    wait_drained(second)
    assert sorted(stream(redis)) == sorted(sent)
    harness.wait_until(lambda: not (second.state_dir / "spool-2.db").exists(), "its removal")


# ---- what operators see

def test_status_shows_the_spool_when_redis_is_away_and_when_the_server_is(
        program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    shown = harness.run_command("status", "--config", flexbrevo.config_file, "--json")
    assert json.loads(shown[1])["spool_pending"] == 0
    redis.kill()
    for _ in range(7):
        assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    assert "spool: ok, 7 waiting" in flexbrevo.admin("/readyz?verbose")[1]
    assert spooled(flexbrevo) == flexbrevo.metric("spooled_total") == 7
    for end in (lambda: None, flexbrevo.kill):
        end()
        status, out, error = harness.run_command(
            "status", "--config", flexbrevo.config_file, "--json")
        assert (status, json.loads(out)) == (os.EX_UNAVAILABLE,
                                             {"spool_pending": 7, "spool_aside": 0})
        assert "the queue cannot be read" in error
        status, out, _ = harness.run_command("status", "--config", flexbrevo.config_file)
        assert re.match(r"spool +7  not in Redis yet\n  oldest +0h 00m", out)
    redis.start()
    status, out, _ = harness.run_command(
        "status", "--config", flexbrevo.config_file, "--json")
    assert (status, json.loads(out)["spool_pending"]) == (0, 7)


def test_the_log_says_when_it_is_used_and_when_it_has_drained(
        flexbrevo, caller, redis, twilio):
    redis.kill()
    for _ in range(5):
        assert caller.send(twilio.callback(Task())).status == 204
    redis.start()
    harness.wait_until(lambda: " info spool_drained events=5" in flexbrevo.log(),
                       lambda: flexbrevo.log())
    assert flexbrevo.log().count(" warn spool_in_use ") == 1


def test_a_state_dir_that_cannot_be_used_is_said_at_the_start(program, redis, tmp_path):
    (tmp_path / "file").touch()
    settings = {"redis": {"url": redis.url}, "state_dir": str(tmp_path / "file" / "state")}
    flexbrevo = program("serve", settings).start(wait=False)
    assert flexbrevo.process.wait(10) != 0
    assert "cannot use the state directory" in flexbrevo.log()
    program("serve", settings | {"queue": {"spool_max": 0}}).start()


# ---- under load

class Fault:
    def __init__(self, redis, name):
        self.redis, self.name = redis, name

    def begin(self):
        if self.name == "kill":
            self.redis.kill()
        else:
            os.kill(self.redis.process.pid, signal.SIGSTOP)

    def end(self):
        if self.name == "kill":
            self.redis.start()
        else:
            os.kill(self.redis.process.pid, signal.SIGCONT)


@pytest.mark.time_limit(180)
@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_under_load_nobody_is_refused_and_everything_arrives_in_order(
        program, redis, hang, twilio, sandbox, fault, loops):
    settings = {"redis": {"url": redis.url}, "server": {"loops": loops}}
    flexbrevo = program("serve", settings).start()
    senders, fault = Senders(flexbrevo, twilio, rate=200), Fault(redis, fault)
    senders.wait_for(100)
    for _ in range(2):
        fault.begin()
        senders.wait_for(200)
        fault.end()
        wait_drained(flexbrevo)
        senders.wait_for(50)
    senders.stop()
    wait_drained(flexbrevo)
    senders.check(stream(redis))
    program("work", settings).start()
    senders.check_delivered(sandbox)


@pytest.mark.slow
@pytest.mark.time_limit(2 * OUTAGE_S + 60)
@pytest.mark.parametrize("fault", ["kill", "hang"])
def test_a_long_outage_at_500_requests_a_second(program, redis, hang, twilio, fault):
    flexbrevo = program("serve", {"redis": {"url": redis.url}}).start()
    senders, outage = Senders(flexbrevo, twilio, rate=500, callers=16), Fault(redis, fault)
    senders.wait_for(1000)
    outage.begin()
    began, before = time.monotonic(), len(senders.told)
    senders.stopping.wait(OUTAGE_S)
    during = senders.told[before:]
    waiting = spooled(flexbrevo)
    outage.end()
    back = time.monotonic()
    wait_drained(flexbrevo)
    drained = time.monotonic()
    senders.wait_for(1000)
    senders.stop()
    wait_drained(flexbrevo)
    senders.check(stream(redis))
    seconds = sorted(seconds for seconds, _, _ in during)
    print(f"\n{fault}: {len(during)} requests in {back - began:.0f} s without Redis, "
          f"{len(during) / (back - began):.0f} a second; answered in "
          f"{1000 * seconds[len(seconds) // 2]:.1f} ms (median), "
          f"{1000 * seconds[len(seconds) * 99 // 100]:.1f} ms (99 %), "
          f"{1000 * seconds[-1]:.0f} ms (longest); {waiting:.0f} waited in the spool, "
          f"drained in {drained - back:.1f} s")
