"""`flexbrevo audit` says where every record is, finds what does not fit, and puts it back."""

import json
import re

import pytest

import harness
from harness import Task


@pytest.fixture
def flexbrevo(program, redis):
    return program("serve", changes={"redis": {"url": redis.url}}).start()


def audit(program, *options):
    status, out, err = harness.run_command(
        "audit", "--json", "--config", program.config_file, *options)
    assert err == ""
    return status, json.loads(out)


def names(report):
    return sorted(finding["name"] for finding in report["findings"])


def test_every_record_is_listed_with_its_place(flexbrevo, caller, twilio):
    tasks = [Task() for _ in range(3)]
    for task in tasks:
        assert caller.send(twilio.callback(task)).status == 204
    status, report = audit(flexbrevo)
    assert status == 0
    assert report["records"]["pending"] == report["accepted"] == 3
    assert report["findings"] == []
    status, out, _ = harness.run_command("audit", "--list", "--config", flexbrevo.config_file)
    assert status == 0
    for task in tasks:
        assert f"pending    task.completed/{task.sid}\n" in out
    _, out, _ = harness.run_command(
        "audit", "--list", "--json", "--config", flexbrevo.config_file)
    assert sum("record" in json.loads(line) for line in out.splitlines()[:3]) == 3


def test_of_one_event_it_says_why_it_was_left_out_and_why_another_waits(program, redis, twilio):
    flexbrevo = program(changes={"redis": {"url": redis.url},
                                 "ticket": {**harness.NO_WAITS, "settle": "1m"}}).start()
    left_out, waiting = Task(), Task()
    canceled = {**left_out.callback("task.canceled"), "TaskCanceledReason": "cleaned up"}
    for told in (twilio.form(canceled), twilio.callback(waiting)):
        assert flexbrevo.caller().send(told).status == 204
    flexbrevo.wait_for_metric("queue_filtered", 1)
    harness.wait_until(lambda: audit(flexbrevo)[1]["records"]["delayed"] == 1, "one that waits")
    _, out, _ = harness.run_command("audit", "--list", "--config", flexbrevo.config_file)
    assert f"filtered   task.canceled/{left_out.sid}  canceled_other\n" in out
    assert re.search(rf"^delayed    task.completed/{waiting.sid}  ticket_settle  "
                     r"until 20[0-9-]+T[0-9:.]+Z$", out, re.M)
    _, out, _ = harness.run_command(
        "audit", "--list", "--json", "--config", flexbrevo.config_file)
    lines = {line["record"]: line for line in map(json.loads, out.splitlines()[:2])}
    assert lines[f"task.canceled/{left_out.sid}"] == {
        "record": f"task.canceled/{left_out.sid}", "where": "filtered",
        "reason": "canceled_other"}
    assert lines[f"task.completed/{waiting.sid}"]["until"].endswith("Z")


def test_an_orphan_is_found_put_back_and_delivered(flexbrevo, caller, twilio, redis, program,
                                                   sandbox):
    task = Task()
    assert caller.send(twilio.callback(task)).status == 204
    redis.do("XTRIM", "fb:{0}:stream", "MAXLEN", 0)
    status, report = audit(flexbrevo)
    assert status == 1
    assert names(report) == ["record_nowhere", "unaccounted"]
    assert report["findings"][0]["key"] == f"task.completed/{task.sid}"
    assert "--repair" in report["findings"][0]["remedy"]
    status, report = audit(flexbrevo, "--repair")
    assert status == 0 and report["repaired"] == 1 and names(report) == ["record_nowhere"]
    assert audit(flexbrevo, "--repair")[1]["findings"] == []
    program("work", changes={"redis": {"url": redis.url}}).start()
    sandbox.wait_for_events(1)
    assert sandbox.tasks()[task.sid] == 1


def test_a_cut_append_only_file_is_found_by_the_witness(flexbrevo, caller, twilio, redis):
    for _ in range(5):
        assert caller.send(twilio.callback(Task())).status == 204
    flexbrevo.close()
    redis.kill()
    redis.cut(1500)
    redis.start()
    kept = int(redis.do("HGET", "fb:{0}:stats", "accepted"))
    status, report = audit(flexbrevo)
    assert status == 1
    assert names(report) == ["went_back"]
    assert report["findings"][0]["count"] == 5 - kept >= 1
    redis.do("FLUSHALL")
    status, out, _ = harness.run_command("audit", "--config", flexbrevo.config_file)
    assert status == 1
    assert "replaced  5\n" in out


def test_beside_running_workers_nothing_is_found_that_is_not_there(program, redis, twilio,
                                                                   sandbox):
    flexbrevo = program(changes={"redis": {"url": redis.url}}).start()
    load = harness.Load(flexbrevo, sandbox, twilio).start()
    audits = 0
    while sandbox.event_count() < 400:
        status, report = audit(flexbrevo)
        assert (status, report["findings"]) == (0, [])
        audits += 1
    load.stop()
    load.wait_delivered()
    assert audits > 3
    harness.wait_until(      # Brevo hears of the last one before it is settled
        lambda: audit(flexbrevo)[1]["records"]["delivered"] == len(sandbox.tasks()),
        lambda: f"{len(sandbox.tasks())} delivered")


def test_without_redis_it_is_unavailable(program, redis):
    flexbrevo = program("serve", changes={"redis": {"url": redis.url}}).start()
    redis.kill()
    status, _, err = harness.run_command("audit", "--config", flexbrevo.config_file)
    assert status == 69
    assert "cannot be audited" in err
