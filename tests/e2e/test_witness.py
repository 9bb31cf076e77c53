"""A Redis that comes back empty, older or as another one is noticed, and worked with."""

import json
import os
import shutil

import harness
from harness import Task


def send(flexbrevo, twilio, count):
    caller = flexbrevo.caller()
    tasks = [Task() for _ in range(count)]
    for task in tasks:
        assert caller.send(twilio.callback(task)).status == 204
    return tasks


def wait_witnessed(flexbrevo, count):
    """The witness has seen `count` events, and keeps them outside Redis."""
    file = flexbrevo.state_dir / "witness"
    harness.wait_until(lambda: file.exists() and f"\n0 {count}\n" in file.read_text(),
                       f"{count} events in {file}")


def wait_went_back(flexbrevo, how):
    harness.wait_until(lambda: flexbrevo.metric("redis_went_back_total") == 1, "the alarm")
    assert f"redis_went_back how={how}" in flexbrevo.log()


def test_an_emptied_redis_is_alarmed_once_and_new_events_flow(program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    assert flexbrevo.metrics()["flexbrevo_redis_went_back_total"] == 0
    send(flexbrevo, twilio, 3)
    wait_witnessed(flexbrevo, 3)
    redis.do("FLUSHALL")
    new = send(flexbrevo, twilio, 2)
    wait_went_back(flexbrevo, "replaced")
    assert flexbrevo.metric("redis_events_missing_total") == 3
    sandbox.wait_for_tasks({task.sid for task in new})
    wait_witnessed(flexbrevo, 2)
    assert flexbrevo.metric("redis_went_back_total") == 1
    shown = json.loads(
        harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1])
    assert "at least 3" in shown["redis"]["went_back"]["what"]
    assert "went back" in harness.run_command("status", "--config", flexbrevo.config_file)[1]


def test_a_cut_append_only_file_is_noticed_at_the_next_start(program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    send(flexbrevo, twilio, 5)
    wait_witnessed(flexbrevo, 5)
    flexbrevo.close()
    redis.kill()
    redis.cut(1500)      # the last event, and the witness's mark behind it
    redis.start()
    kept = int(redis.do("HGET", "fb:{0}:stats", "accepted"))
    assert kept < 5
    flexbrevo.start()
    wait_went_back(flexbrevo, "older")
    assert flexbrevo.metric("redis_events_missing_total") == 5 - kept


def test_a_backup_is_older_whatever_came_since(program, redis, twilio, tmp_path):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    send(flexbrevo, twilio, 2)
    wait_witnessed(flexbrevo, 2)
    backup = tmp_path / "backup"
    shutil.copytree(redis.directory / "appendonlydir", backup)
    send(flexbrevo, twilio, 3)
    wait_witnessed(flexbrevo, 5)
    redis.kill()
    shutil.rmtree(redis.directory / "appendonlydir")
    shutil.copytree(backup, redis.directory / "appendonlydir")
    redis.start()
    wait_went_back(flexbrevo, "older")
    assert flexbrevo.metric("redis_events_missing_total") == 3


def test_a_restart_with_everything_there_is_no_alarm(program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    send(flexbrevo, twilio, 4)
    sandbox.wait_for_events(4)
    flexbrevo.close()                                       # the last look is at the end
    assert "\n0 4\n" in (flexbrevo.state_dir / "witness").read_text()
    redis.kill()
    redis.start()
    flexbrevo.start()
    send(flexbrevo, twilio, 1)
    wait_witnessed(flexbrevo, 5)
    assert flexbrevo.metric("redis_went_back_total") == 0
    assert "redis_went_back" not in flexbrevo.log()


def test_killed_under_load_it_has_all_it_had_and_nothing_is_alarmed(
        program, redis, twilio, sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    load = harness.Load(flexbrevo, sandbox, twilio).start()
    for _ in range(3):
        goal = len(load.acknowledged) + 50
        harness.wait_until(lambda: len(load.acknowledged) >= goal, "load to be acknowledged")
        redis.kill()
        redis.start()
    load.stop()
    harness.wait_until(lambda: flexbrevo.metric("spool_pending") == 0, "the spool to be drained")
    accepted = int(redis.do("HGET", "fb:{0}:stats", "accepted"))
    assert accepted >= len(load.acknowledged)
    wait_witnessed(flexbrevo, accepted)
    assert flexbrevo.metric("redis_went_back_total") == 0


def test_of_two_processes_on_one_directory_one_is_the_witness(program, redis, twilio):
    serve = program("serve", changes={"redis": {"url": redis.url}}).start()
    work = program("work", changes={"redis": {"url": redis.url}}).start()
    send(serve, twilio, 2)
    wait_witnessed(serve, 2)
    redis.do("FLUSHALL")
    wait_went_back(serve, "replaced")
    assert "redis_went_back" not in work.log()
    serve.close()
    redis.do("FLUSHALL")                                    # now the other one looks
    wait_went_back(work, "replaced")


def test_a_witness_that_cannot_be_kept_is_said_and_no_obstacle(program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}})
    (flexbrevo.state_dir / "witness.new").mkdir(parents=True)   # in the way of every write
    flexbrevo.start()
    send(flexbrevo, twilio, 2)
    harness.wait_until(lambda: "witness_not_kept" in flexbrevo.log(), "the complaint")
    harness.wait_until(lambda: int(redis.do("ZCARD", "fb:{0}:witnesses")) == 1, "a mark")
    redis.do("FLUSHALL")
    wait_went_back(flexbrevo, "replaced")                       # known as long as it lives
    (flexbrevo.state_dir / "witness.new").rmdir()
    harness.wait_until(lambda: "witness_kept" in flexbrevo.log(), "the recovery")
    assert flexbrevo.log().count("witness_not_kept") == 1


def test_a_witness_that_cannot_be_read_is_not_replaced(program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    send(flexbrevo, twilio, 3)
    wait_witnessed(flexbrevo, 3)
    flexbrevo.close()
    file = flexbrevo.state_dir / "witness"
    kept = file.rename(file.with_name("kept"))
    file.symlink_to(file)                                       # an open that fails, root's too
    redis.do("FLUSHALL")
    flexbrevo.start()
    send(flexbrevo, twilio, 1)
    harness.wait_until(lambda: int(redis.do("ZCARD", "fb:{0}:witnesses")) == 1, "a look")
    assert "witness_not_kept" in flexbrevo.log()
    assert file.is_symlink()
    os.replace(kept, file)
    wait_went_back(flexbrevo, "replaced")
    wait_witnessed(flexbrevo, 1)
    assert flexbrevo.log().count("witness_kept") == 1


def test_without_an_event_that_is_surely_gone_none_is_claimed(program, redis, twilio):
    """The mark alone is lost, or new events hide how many are."""
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    send(flexbrevo, twilio, 2)
    wait_witnessed(flexbrevo, 2)
    redis.do("DEL", "fb:{0}:witnesses")
    wait_went_back(flexbrevo, "older")
    assert "missing_at_least=unknown" in flexbrevo.log()
    assert flexbrevo.metric("redis_events_missing_total") == 0
    shown = json.loads(
        harness.run_command("status", "--json", "--config", flexbrevo.config_file)[1])
    assert shown["redis"]["went_back"]["what"] == (
        "older data, accepted events may be gone, how many is unknown")


def test_a_witness_file_that_is_none_is_begun_anew(program, redis, twilio):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}})
    flexbrevo.state_dir.mkdir(parents=True)
    (flexbrevo.state_dir / "witness").write_text("name 00\n0 99999\nnonsense\n")
    flexbrevo.start()
    send(flexbrevo, twilio, 1)
    wait_witnessed(flexbrevo, 1)
    assert "witness_unreadable" in flexbrevo.log()
    assert flexbrevo.metric("redis_went_back_total") == 0
