"""A Redis that cannot keep the promise is refused at the start, or said so as long as it is used."""

import json
import socket

import pytest

import harness
from harness import Task


def log_of_refusal(program):
    flexbrevo = program.start(wait=False)
    assert flexbrevo.process.wait(20) == 78
    return flexbrevo.log()


@pytest.mark.parametrize("require, settings, says", [
    ("everysec", {"appendonly": "no"}, "no append-only file"),
    ("everysec", {"appendfsync": "no"}, "when the kernel likes"),
    ("always", {"appendfsync": "everysec"}, "may lose the last second"),
    ("everysec", {"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "it deletes"),
])
def test_a_redis_that_keeps_less_than_required_is_no_reason_to_start(
        program, redis, require, settings, says):
    for name, value in settings.items():
        redis.do("CONFIG", "SET", name, value)
    log = log_of_refusal(program(changes={"redis": {"url": redis.url, "require": require}}))
    assert says in log
    assert "redis.url" in log and "redis.require" in log      # where, and the way out


@pytest.mark.parametrize("settings, cause, mode", [
    ({"appendonly": "no"}, "fsync_off", "off"),
    ({"appendfsync": "everysec"}, "fsync_everysec", "everysec"),
    ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "eviction", "always"),
])
def test_a_weaker_redis_accepted_on_purpose_is_shown_everywhere(
        program, redis, settings, cause, mode):
    for name, value in settings.items():
        redis.do("CONFIG", "SET", name, value)
    flexbrevo = program(changes={"redis": {"url": redis.url, "require": "none"}}).start()
    assert flexbrevo.metric(f'redis_degraded{{cause="{cause}"}}') == 1
    assert flexbrevo.metric(f'redis_fsync{{mode="{mode}"}}') == 1
    status, text = flexbrevo.admin("/readyz?verbose")
    assert status == 200
    assert f"fsync={mode}" in text and f"redis degraded: {cause}:" in text
    assert f"redis_degraded cause={cause}" in flexbrevo.log()
    code, shown, _ = harness.run_command("status", "--config", flexbrevo.config_file)
    assert code == 0 and f"fsync={mode}" in shown and cause in shown
    shown = json.loads(
        harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1])["redis"]
    assert shown["fsync"] == mode
    assert [lack["cause"] for lack in shown["degraded"]] == [cause]


def test_what_changes_while_we_run_is_said_once_and_said_when_it_is_mended(program, redis):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    degraded = 'redis_degraded{cause="fsync_no"}'
    assert flexbrevo.metric(degraded) == 0
    redis.do("CONFIG", "SET", "appendfsync", "no")
    harness.wait_until(lambda: flexbrevo.metric(degraded) == 1, "the metric")
    assert flexbrevo.admin("/readyz")[0] == 200     # events go on, and this is shouted
    redis.do("CONFIG", "SET", "appendfsync", "always")
    harness.wait_until(lambda: flexbrevo.metric(degraded) == 0, "the metric")
    assert flexbrevo.log().count("redis_degraded cause=fsync_no") == 1
    assert flexbrevo.log().count("redis_mended cause=fsync_no") == 1


def test_a_redis_that_tells_nothing_is_unknown_and_not_assumed(program, redis):
    redis.do("ACL", "SETUSER", "default", "-config", "-info")
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    assert flexbrevo.metric('redis_degraded{cause="fsync_unknown"}') == 1
    assert "fsync=unknown" in flexbrevo.admin("/readyz?verbose")[1]
    flexbrevo.close()
    flexbrevo.config["redis"]["require"] = "always"
    assert "does not say" in log_of_refusal(flexbrevo)


def test_the_embedded_redis_lacks_nothing(flexbrevo):
    lacks = {name: value for name, value in flexbrevo.metrics().items()
             if name.startswith("flexbrevo_redis_degraded")}
    assert len(lacks) > 10 and set(lacks.values()) == {0}
    assert flexbrevo.metric('redis_fsync{mode="always"}') == 1


def test_a_redis_that_goes_away_is_told_apart(program, redis):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    redis.kill()
    away = 'redis_degraded{cause="unreachable"}'
    harness.wait_until(lambda: flexbrevo.metric(away) == 1, "the metric")
    redis.start()
    harness.wait_until(lambda: flexbrevo.metric(away) == 0, "the metric")


@pytest.fixture
def replica(redis, tmp_path):
    """A second Redis that follows the first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    redis.do("CONFIG", "SET", "port", port)
    replica = harness.Redis(tmp_path / "replica").start()
    replica.do("REPLICAOF", "127.0.0.1", port)
    harness.wait_until(lambda: "master_link_status:up" in replica.do("INFO", "replication"),
                       "the replica")
    yield replica
    replica.close()


def test_replicas_in_sync_are_shown_and_being_one_is_degraded(program, redis, replica, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    harness.wait_until(lambda: "replicas=1/1" in flexbrevo.admin("/readyz?verbose")[1], "it")
    read_only = 'redis_degraded{cause="read_only"}'
    redis.do("REPLICAOF", "127.0.0.1", 1)                   # demoted; nobody is there to follow
    harness.wait_until(lambda: flexbrevo.metric(read_only) == 1, "the demotion")
    redis.do("REPLICAOF", "NO", "ONE")
    harness.wait_until(lambda: flexbrevo.metric(read_only) == 0, "the promotion")
    assert flexbrevo.metric("redis_went_back_total") == 0
