"""Several servers and workers on one Redis: work is shared, kills and rolling restarts lose nothing.

FLEXBREVO_SCALE_S is how long the random kills last (6); FLEXBREVO_SEED repeats a run's choices.
Prints one line:

    seconds=6 kills=... acknowledged=... delivered=... lost=0 doubled=... unaccounted=0
"""

import os
import random
import time

import pytest

import conftest
import harness

SERVERS, WORKERS = 2, 3
SECONDS = int(os.environ.get("FLEXBREVO_SCALE_S", "6"))
SEED = int(os.environ.get("FLEXBREVO_SEED", str(time.time_ns() % 1_000_000)))
IN_FLIGHT_MAX = 8       # sent and not settled, per worker
BREVO_S = 0.02          # how long Brevo takes
CLAIM_DEADLINE_S = 66   # see docs/decisions/0014


class Fleet:
    """Servers and workers as on hosts of their own: nothing is shared but Redis."""

    def __init__(self, config, redis, directory):
        self.members = [self.member(config, redis, directory, command, number)
                        for command, count in (("serve", SERVERS), ("work", WORKERS))
                        for number in range(count)]

    @staticmethod
    def member(config, redis, directory, command, number):
        home = directory / f"{command}{number}"
        home.mkdir()
        changed = conftest.merged(
            config, {"redis": {"url": redis.url}, "state_dir": str(home / "state")})
        return harness.Flexbrevo(home, changed, command)

    def of(self, command):
        return [member for member in self.members if member.command == command]

    def start(self):
        for member in self.members:
            member.start(wait=False)
        for member in self.members:
            member.wait_ready()
        return self

    def close(self):
        for member in self.members:
            member.close()


@pytest.fixture
def fleet(config, redis, tmp_path):
    fleet = Fleet(config, redis, tmp_path)
    yield fleet
    fleet.close()


def under_load(fleet, sandbox, twilio):
    return [harness.Load(server, sandbox, twilio, callers=2, loads=SERVERS).start()
            for server in fleet.of("serve")]


def acknowledged_of(loads):
    return set.union(*(load.acknowledged for load in loads))


def finish(fleet, loads, sandbox):
    """Stops the load and waits for what it was promised; (acknowledged, times delivered)."""
    for load in loads:
        load.stop()
    some = fleet.of("serve")[0]
    some.replay_poison()
    for load in loads:
        load.wait_delivered(CLAIM_DEADLINE_S + harness.WAIT_S)
    harness.wait_until(lambda: some.metric("queue_pending") == 0, "an empty queue",
                       CLAIM_DEADLINE_S + harness.WAIT_S)
    assert some.metric("unaccounted_events") == 0
    assert some.metric("queue_parked") == 0
    return acknowledged_of(loads), sandbox.tasks()


@pytest.mark.time_limit(120 + 2 * SECONDS)
def test_random_kills_of_servers_and_workers_lose_nothing(fleet, sandbox, twilio, capsys):
    """Whoever is killed comes back; nobody else notices."""
    choose = random.Random(SEED)
    sandbox.fault("delay", count=-1, seconds=BREVO_S)
    fleet.start()
    loads = under_load(fleet, sandbox, twilio)
    kills = {"serve": 0, "work": 0}
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        goal = sandbox.event_count() + choose.randrange(5, 40)
        harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered")
        member = choose.choice(fleet.members)
        member.kill()
        kills[member.command] += 1
        watcher = choose.choice([other for other in fleet.members if other is not member])
        assert watcher.metric("unaccounted_events") == 0
        member.start()
    acknowledged, times = finish(fleet, loads, sandbox)
    lost = acknowledged - set(times)
    doubled = sum(count - 1 for count in times.values())
    with capsys.disabled():
        print(f"\nseconds={SECONDS} kills={sum(kills.values())} acknowledged={len(acknowledged)} "
              f"delivered={len(times)} lost={len(lost)} doubled={doubled} unaccounted=0 "
              f"seed={SEED}")
    assert not lost
    assert set(times) <= set.union(*(load.sent for load in loads))
    assert [load.refused for load in loads] == [[], []]
    assert doubled <= IN_FLIGHT_MAX * kills["work"]


def test_a_rolling_restart_loses_and_doubles_nothing(fleet, sandbox, twilio):
    """Each in turn is ended in order and started again, under load."""
    sandbox.fault("delay", count=-1, seconds=BREVO_S)
    fleet.start()
    loads = under_load(fleet, sandbox, twilio)
    for member in fleet.members:
        goal = sandbox.event_count() + 10
        harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered")
        member.terminate()
        member.start()
    acknowledged, times = finish(fleet, loads, sandbox)
    assert acknowledged - set(times) == set()
    assert set(times.values()) == {1}


def test_workers_share_the_work(fleet, sandbox, twilio):
    sandbox.fault("delay", count=-1, seconds=BREVO_S)
    fleet.start()
    loads = under_load(fleet, sandbox, twilio)
    harness.wait_until(
        lambda: all(sum(value for name, value in worker.metrics().items()
                        if name.startswith("flexbrevo_events_delivered_total")) >= 5
                    for worker in fleet.of("work")), "each worker to deliver")
    acknowledged, times = finish(fleet, loads, sandbox)
    assert acknowledged - set(times) == set()
    assert set(times.values()) == {1}


@pytest.mark.slow
@pytest.mark.time_limit(CLAIM_DEADLINE_S + 60)
def test_what_a_dead_worker_had_claimed_is_taken_over_after_the_deadline(
        fleet, sandbox, twilio):
    """It never comes back: the others have to notice by themselves."""
    servers, workers = fleet.of("serve"), fleet.of("work")
    sandbox.fault("hang", "POST /contacts", count=1, seconds=5)
    servers[0].start()
    workers[0].start()
    assert servers[0].caller().send(twilio.callback(harness.Task())).status == 204
    harness.wait_until(lambda: sandbox.requests("POST", "/contacts"), "a call to be under way")
    workers[0].kill()
    workers[1].start()
    sandbox.wait_for_events(1, CLAIM_DEADLINE_S + harness.WAIT_S)
    assert set(sandbox.tasks().values()) == {1}
    assert servers[0].metric("unaccounted_events") == 0
