"""sentinel://: the master dies under load, and everything goes on with the replica.

Each failover prints one line:

    failover recovered=2.31s acknowledged=... present=... lost=... doubled=...

`recovered` is from the kill to the next event that is acknowledged. `lost` are events that were
acknowledged and that the new master has not got: Redis replicates after it answers.
"""

import os
import pathlib
import re
import threading
import time

import pytest

import harness
import redis_group
from harness import Task
from redis_group import wait_until
from writer import Writer

RECOVER_S = 10      # after the Sentinels' own time to notice
NO_SPOOL = {"queue": {"spool_max": 0}}  # what is measured is Redis's own part
pytestmark = pytest.mark.time_limit(180)


@pytest.fixture
def group(tmp_path):
    group = redis_group.RedisGroup(tmp_path / "group")
    try:
        yield group.start()
    finally:
        group.close()


@pytest.fixture
def flexbrevo(program, group):
    return program(changes={"redis": {"url": group.url}, **NO_SPOOL}).start()


def present(node):
    """Tasks whose record the node has."""
    keys = node.ask("keys", "fb:{0}:r:task.completed/*").split()
    return {key.rpartition("/")[2] for key in keys}


def fail_over(group, writer, capsys, name):
    """Kills the master; returns what was lost, and how long before the kill it was acknowledged."""
    old = group.master()
    killed = time.monotonic()
    old.kill()
    wait_until(lambda: group.master() not in (None, old), "another master", 30)
    elected = time.monotonic()
    harness.wait_until(lambda: any(at > elected for at in list(writer.acknowledged.values())),
                       "an event acknowledged by the new master", RECOVER_S)
    writer.stop()
    there = present(group.master())
    again = min(at for at in writer.acknowledged.values() if at > killed + 0.5)
    lost = set(writer.acknowledged) - there
    with capsys.disabled():
        print(f"\n{name} recovered={again - killed:.2f}s acknowledged={len(writer.acknowledged)} "
              f"present={len(there)} lost={len(lost)}", end=" ")
    assert there <= writer.sent
    return {sid: killed - writer.acknowledged[sid] for sid in lost}


def test_a_killed_master_is_replaced_and_all_goes_on(
        flexbrevo, group, twilio, sandbox, capsys):
    writer = Writer(flexbrevo, twilio).start()
    writer.wait_for(300)
    lost = fail_over(group, writer, capsys, "failover")
    # The replica was in step: only what was on its way to it may be gone.
    assert all(-0.5 < age < 0.5 for age in lost.values()), lost
    kept = set(writer.acknowledged) - set(lost)
    sandbox.wait_for_tasks(kept)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    with capsys.disabled():
        print(f"doubled={sum(count > 1 for count in sandbox.tasks().values())}")
    assert flexbrevo.metric("unaccounted_events") == 0
    assert flexbrevo.is_ready()
    assert f" warn redis_moved master=127.0.0.1:{group.master().port}\n" in flexbrevo.log()


def test_with_passwords_and_a_user_who_may_do_no_more_than_it_must(
        program, tmp_path, twilio, sandbox):
    group = redis_group.RedisGroup(tmp_path / "secured", has_passwords=True)
    try:
        group.start()
        flexbrevo = program(changes={"redis": {"url": group.url + "&wait_replicas=1"},
                                     "queue": {"keep_bodies": "1h"}}).start()
        caller, tasks = flexbrevo.caller(), [Task(), Task()]
        assert caller.send(twilio.callback(tasks[0])).status == 204
        sandbox.wait_for_events(1)
        for command in (["status"], ["parked", "list"]):
            status, _, err = harness.run_command(*command, environment={"REDIS_URL": group.url})
            assert status == 0, err
        assert flexbrevo.metric("unaccounted_events") == 0
        assert "NOPERM" not in flexbrevo.log()
        assert not re.search("secret", flexbrevo.log())
    finally:
        group.close()


# How often: each takes ten seconds or so.
FAILOVERS = int(os.environ.get("FLEXBREVO_FAILOVERS", "3"))


@pytest.mark.slow
@pytest.mark.time_limit(60 + 60 * FAILOVERS)
def test_failovers_in_a_row_lose_nothing_with_wait_replicas(
        program, group, twilio, sandbox, capsys):
    flexbrevo = program(changes={"redis": {"url": group.url + "?wait_replicas=1"}, **NO_SPOOL,
                                 "server": {"loops": 2}}).start()
    writer = Writer(flexbrevo, twilio).start()
    for _ in range(FAILOVERS):
        writer.wait_for(100)
        old = group.master()
        old.kill()
        wait_until(lambda: group.master() not in (None, old), "another master", 30)
        old.start()
        wait_until(group.is_in_step, "the old master as a replica in step", 30)
    writer.wait_for(100)
    writer.stop()
    acknowledged = set(writer.acknowledged)
    lost = acknowledged - present(group.master())
    sandbox.wait_for_tasks(acknowledged)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    with capsys.disabled():
        print(f"\nfailovers={FAILOVERS} acknowledged={len(acknowledged)} lost={len(lost)} "
              f"delivered={len(sandbox.tasks())} "
              f"doubled={sum(count > 1 for count in sandbox.tasks().values())}")
    assert not lost
    assert set(sandbox.tasks()) <= writer.sent
    assert flexbrevo.metric("unaccounted_events") == 0


@pytest.mark.slow
def test_there_and_back_again(flexbrevo, group, twilio, sandbox):
    """The old master comes back believing it is one, is made a replica, and takes over again."""
    tasks = [Task() for _ in range(3)]
    caller = flexbrevo.caller()
    assert caller.send(twilio.callback(tasks[0])).status == 204
    for task in tasks[1:]:
        old = group.master()
        old.kill()
        harness.wait_until(lambda: caller.send(twilio.callback(task)).status == 204, "a 204", 30)
        old.start()
        wait_until(lambda: group.is_in_step(), "the old master as a replica in step", 30)
    sandbox.wait_for_events(3)
    assert group.nodes[0] is group.master()
    assert {task.sid for task in tasks} == present(group.nodes[0]) == present(group.nodes[1])
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


@pytest.mark.slow
def test_a_master_that_hangs_is_replaced_and_what_it_wakes_up_with_is_not_believed(
        flexbrevo, group, twilio, sandbox):
    before, after = Task(), Task()
    caller = flexbrevo.caller()
    assert caller.send(twilio.callback(before)).status == 204
    old = group.master()
    old.stop()
    harness.wait_until(lambda: caller.send(twilio.callback(after)).status == 204, "a 204", 30)
    old.cont()
    assert {before.sid, after.sid} == present(group.other(old))
    wait_until(lambda: old.role() == "slave", "the old master to be demoted", 30)
    sandbox.wait_for_events(2)
    assert sandbox.tasks() == {before.sid: 1, after.sid: 1}


def switch(group):
    """`sentinel failover`, as an operator does it. Returns the old master."""
    old = group.master()
    assert group.sentinels[0].ask("sentinel", "failover", redis_group.MASTER) == "OK"
    wait_until(lambda: group.master() not in (None, old), "another master", 30)
    return old


def test_a_master_replaced_on_purpose_is_left_before_it_is_demoted(
        flexbrevo, group, twilio, capsys):
    """It goes on as a master for about ten seconds, and loses what it is given then."""
    group.pace(redis_group.UNHURRIED)
    writer = Writer(flexbrevo, twilio).start()
    writer.wait_for(100)
    old = switch(group)
    known = len(present(group.master()))
    wait_until(lambda: len(present(group.master())) > known, "an event in the new master")
    assert old.role() == "master"
    writer.stop()
    there = present(group.master())
    with capsys.disabled():
        print(f"\nswitch acknowledged={len(writer.acknowledged)} present={len(there)} "
              f"lost={len(set(writer.acknowledged) - there)}")


@pytest.mark.slow
def test_a_switch_loses_nothing_with_wait_replicas(program, group, twilio, capsys):
    flexbrevo = program(changes={"redis": {"url": group.url + "?wait_replicas=1"}, **NO_SPOOL}).start()
    writer = Writer(flexbrevo, twilio).start()
    writer.wait_for(100)
    old = switch(group)
    # The new master is alone until the old one is its replica.
    wait_until(lambda: old.role() == "slave", "the old master to be its replica", 30)
    writer.wait_for(100)
    writer.stop()
    there = present(group.master())
    with capsys.disabled():
        print(f"\nswitch wait_replicas acknowledged={len(writer.acknowledged)} "
              f"present={len(there)} lost={len(set(writer.acknowledged) - there)}")
    assert set(writer.acknowledged) <= there


def fill_socket_buffers(master):
    """What is written next stays in the master: the kernel would still send what it has."""
    assert master.ask("eval", "for _ = 1, 32 do redis.call('set', 'padding', "
                      "string.rep('x', 1048576)) end return 1", 0) == "1"


def kill_with_a_replica_behind(group, writer, capsys, more):
    """The replica hangs while `more` events are sent, then the master dies, and it wakes up."""
    replica = group.replica()
    stopped = time.monotonic()
    replica.stop()
    fill_socket_buffers(group.master())
    goal = len(writer.sent) + more
    harness.wait_until(lambda: len(writer.sent) >= goal, f"{more} more events")
    lag = time.monotonic() - stopped
    threading.Timer(0.2, replica.cont).start()
    return lag, fail_over(group, writer, capsys, f"lag={lag:.2f}s")


def test_the_window_is_what_the_replica_has_not_got(flexbrevo, group, twilio, capsys):
    writer = Writer(flexbrevo, twilio).start()
    writer.wait_for(100)
    lag, lost = kill_with_a_replica_behind(group, writer, capsys, 50)
    assert len(lost) >= 30
    assert all(-0.5 < age < lag + 1 for age in lost.values()), lost


def test_with_wait_replicas_a_replica_behind_costs_availability_and_no_event(
        program, group, twilio, capsys):
    flexbrevo = program(changes={"redis": {"url": group.url + "?wait_replicas=1"}, **NO_SPOOL}).start()
    writer = Writer(flexbrevo, twilio).start()
    writer.wait_for(100)
    replica, master = group.replica(), group.master()
    replica.stop()
    fill_socket_buffers(master)
    before = set(writer.sent)
    refused = harness.wait_until(lambda: set(writer.sent) - before - set(writer.acknowledged),
                                 "events sent meanwhile")
    harness.wait_until(lambda: not flexbrevo.is_ready(), "the loss of readiness")
    master.kill()
    replica.cont()
    wait_until(lambda: group.master() is replica, "the other master", 30)
    writer.stop()
    there = present(replica)
    with capsys.disabled():
        print(f"\nwait_replicas acknowledged={len(writer.acknowledged)} present={len(there)} "
              f"refused={len(refused)} lost={len(set(writer.acknowledged) - there)}")
    assert set(writer.acknowledged) <= there


def pending_connections(server):
    """Connections nobody has accepted yet."""
    for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues = row.split()[:5]
        if state == "0A" and int(local.split(":")[1], 16) == server.port:
            return int(queues.split(":")[1], 16)
    return 0


def test_a_start_waits_for_a_master(program, group, twilio):
    """One Sentinel that can answer is enough, at the start and later."""
    for one in group.sentinels:
        one.stop()
    flexbrevo = program(changes={"redis": {"url": group.url}, **NO_SPOOL}).start(wait=False)
    harness.wait_until(lambda: pending_connections(group.sentinels[2]), "a question to the last")
    group.sentinels[2].cont()
    flexbrevo.wait_ready()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 204


def test_commands_ask_the_sentinels_too(group):
    status, out, err = harness.run_command("status", environment={"REDIS_URL": group.url})
    assert status == 0, err
    assert "pending" in out
    wrong = group.url.replace(redis_group.MASTER, "nobody")
    status, _, err = harness.run_command("status", environment={"REDIS_URL": wrong})
    assert status == 69
    assert "this Sentinel knows no master of that name (look at redis.url)" in err
