"""What an earlier version wrote into Redis, this one reads; what a later one wrote, it keeps."""

import time

import pytest

import harness
from harness import Task

STREAM, STATS = "fb:{0}:stream", "fb:{0}:stats"


def now_ms():
    return int(time.time() * 1000)


class Past:
    """Writes a queue as an earlier version left it, with Redis commands alone."""

    def __init__(self, redis, twilio):
        self.redis, self.twilio = redis, twilio
        redis.do("HSET", "fb:meta", "schema", 1, "partitions", 1)     # no id of the data set
        redis.do("XGROUP", "CREATE", STREAM, "workers", 0, "MKSTREAM")

    def record(self, task, *fields, state="pending", schema=1):
        """`fields`: name and value in turn, beside those every version writes."""
        key = f"task.completed/{task.sid}"
        body = self.twilio.callback(task).body.decode()
        self.redis.do("HSET", f"fb:{{0}}:r:{key}", "s", state, "v", schema,
                      "r:taskrouter", body, *fields)
        self.redis.do("HINCRBY", STATS, "accepted", 1)
        return key

    def entry(self, key):
        return self.redis.do("XADD", STREAM, "*", "k", key)

    # ---- one record each, in every place it may have been when the old version stopped

    def pending_with_its_time(self, task):
        self.entry(self.record(task, "t", now_ms() - 5000))

    def pending_without_its_time(self, task):
        self.entry(self.record(task))

    def pending_with_a_route_whose_bytes_were_dropped(self, task):
        """Reopened: the routes seen before a filtering left their names only."""
        self.entry(self.record(task, "t", now_ms(), "r:event-streams", ""))

    def given_back(self, task):
        self.entry(self.record(task, "t", now_ms(), "a", 0))

    def claimed_by_a_worker_that_is_gone(self, task):
        token = "0123456789abcdef-1/00112233aabbccdd/7"
        entry = self.entry(self.record(task, "t", now_ms(), "k", token, "a", 1, state="claimed"))
        self.redis.do("XREADGROUP", "GROUP", "workers", "gone-1", "STREAMS", STREAM, ">")
        self.redis.do("XCLAIM", STREAM, "workers", "gone-1", 0, entry, "IDLE", 10 ** 6)

    def delayed_and_due(self, task):
        key = self.record(task, "t", now_ms(), "a", 2, "e", "server_error", state="delayed")
        self.redis.do("ZADD", "fb:{0}:delayed", now_ms() - 1, key)


@pytest.fixture
def past(redis, twilio):
    return Past(redis, twilio)


@pytest.fixture
def upgraded(program, redis):
    """The program of now, on that queue."""
    return program(changes={"redis": {"url": redis.url}})


PLACES = (
    Past.pending_with_its_time, Past.pending_without_its_time,
    Past.pending_with_a_route_whose_bytes_were_dropped, Past.given_back,
    Past.claimed_by_a_worker_that_is_gone, Past.delayed_and_due)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_record_of_an_earlier_version_is_delivered_once(past, upgraded, sandbox, place):
    task = Task()
    place(past, task)
    upgraded.start()
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: upgraded.metric("queue_delivered") == 1, "the settlement")
    assert sandbox.tasks() == {task.sid: 1}
    assert upgraded.metric("unaccounted_events") == 0
    assert upgraded.metric("redis_went_back_total") == 0
    status, out, _ = harness.run_command("audit", "--config", upgraded.config_file)
    assert status == 0, out


def test_a_parked_record_of_an_earlier_version_is_told_and_stays(past, upgraded, redis):
    key = past.record(Task(), "t", now_ms(), "a", 1, "e", "rejected", state="parked")
    redis.do("ZADD", "fb:{0}:parked", now_ms(), key)
    redis.do("HINCRBY", STATS, "parked:rejected", 1)
    upgraded.start()
    assert upgraded.metric("queue_parked") == 1
    assert upgraded.metric("unaccounted_events") == 0
    assert harness.run_command("audit", "--config", upgraded.config_file)[0] == 0


@pytest.mark.parametrize("fields, counted", [
    (("s", "delivered"), "delivered"),
    (("s", "filtered", "e", "facts"), "filtered"),
    (("s", "filtered", "e", "no_identity", "r:taskrouter", ""), "filtered"),
])
def test_a_tombstone_of_an_earlier_version_refuses_late_copies(
        past, upgraded, redis, twilio, sandbox, fields, counted):
    task, fresh = Task(), Task()
    record = f"fb:{{0}}:r:task.completed/{task.sid}"
    redis.do("HSET", record, *fields)
    redis.do("PEXPIRE", record, 10 ** 8)
    for name in {"accepted", counted, *([f"filtered:{fields[3]}"] if len(fields) > 2 else [])}:
        redis.do("HINCRBY", STATS, name, 1)
    caller = upgraded.start().caller()
    for webhook in (twilio.callback(task), twilio.stream(task)):
        assert 200 <= caller.send(webhook).status < 300
    assert upgraded.metric('events_duplicate_total{source="taskrouter"}') == 1
    assert upgraded.metric('events_duplicate_total{source="event-streams"}') == 1
    assert caller.send(twilio.callback(fresh)).status == 204
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {fresh.sid: 1}
    assert upgraded.metric("unaccounted_events") == 0


def test_a_record_of_a_later_version_is_parked_and_the_rest_flows(past, upgraded, sandbox, redis):
    later, plain = Task(), Task()
    past.entry(past.record(later, "z", "who knows", schema=7))
    past.pending_without_its_time(plain)
    upgraded.start()
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: upgraded.metric("queue_parked") == 1, "the other one, parked")
    assert sandbox.tasks() == {plain.sid: 1}
    assert upgraded.metric('events_parked_total{reason="unknown_schema"}') == 1
    kept = redis.do("HGET", f"fb:{{0}}:r:task.completed/{later.sid}", "r:taskrouter")
    assert later.sid in kept                                # all of it, for the later version


@pytest.mark.parametrize("cause", ["unauthorized", "forbidden_contacts", "forbidden_events"])
def test_a_pause_of_an_earlier_version_is_probed_and_ends(past, upgraded, sandbox, redis, cause):
    """It said neither where it was met nor when the next probe is due."""
    task = Task()
    past.pending_without_its_time(task)
    redis.do("HSET", "fb:paused", cause, f"{now_ms()} Brevo refuses this API key: check it")
    upgraded.start()
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}
    harness.wait_until(lambda: redis.do("EXISTS", "fb:paused") in (0, "0"), "its end")


def test_another_number_of_partitions_refuses_to_start(past, upgraded, redis):
    redis.do("HSET", "fb:meta", "partitions", 4)
    upgraded.start(wait=False)
    assert upgraded.process.wait(20) == 78
    assert "set up with 4 partitions, not 1" in upgraded.log()


def test_kept_bodies_are_those_of_all_routes_and_late_copies_change_nothing(
        program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}, "queue": {"keep_bodies": "1h"}})
    caller = flexbrevo.start().caller()
    task = Task()
    copy = f"fb:{{0}}:b:task.completed/{task.sid}"
    webhook = twilio.callback(task)
    assert caller.send(webhook).status == 204
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: redis.do("HGET", copy, "r:taskrouter") == webhook.body.decode(),
                       "the copy")
    assert 0 < int(redis.do("PTTL", copy)) <= 3600 * 1000
    for late in (webhook, twilio.stream(task)):
        assert 200 <= caller.send(late).status < 300
    assert set(redis.do("HKEYS", copy).split()) == {"t", "r:taskrouter"}    # and when it came
    assert sandbox.tasks() == {task.sid: 1}
