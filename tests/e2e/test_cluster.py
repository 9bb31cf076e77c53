"""cluster://: a slot moves, nodes die and come back, and nothing is lost.

Each prints one line:

    slot moved keys=... in=0.83s acknowledged=... refused=... present=... lost=0 doubled=0
"""

import re
import time

import pytest

import harness
import redis_cluster
from harness import Task
from redis_cluster import PARTITIONS, partition_of
from redis_group import wait_until
from writer import Senders, Writer

NO_SPOOL = {"queue": {"spool_max": 0}}  # what is measured is Redis's own part
MOVED = 0                       # the partition that also has what is nobody's: the pauses
pytestmark = pytest.mark.time_limit(180)


@pytest.fixture
def make_cluster(tmp_path):
    made = []

    def make(**options):
        made.append(redis_cluster.RedisCluster(tmp_path / "cluster", **options))
        return made[-1].start()

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture(scope="module")
def shared_cluster(tmp_path_factory):
    cluster = redis_cluster.RedisCluster(tmp_path_factory.mktemp("shared") / "cluster")
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def cluster(shared_cluster):
    """Empty; whose slots are whose is as the last test has left it."""
    for node in shared_cluster.nodes:
        assert node.ask("flushall") == "OK"
    return shared_cluster


def present(cluster):
    """Tasks whose record some node has."""
    keys = [key for node in cluster.running()
            for key in node.ask("keys", "fb:*:r:task.completed/*").split()]
    return {key.rpartition("/")[2] for key in keys}


def finish(flexbrevo, writer, cluster, sandbox):
    """All that was acknowledged is there and is delivered. Returns figures to print."""
    writer.stop()
    acknowledged = set(writer.acknowledged)
    sandbox.wait_for_tasks(acknowledged)
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    lost = acknowledged - present(cluster)
    doubled = sum(count > 1 for count in sandbox.tasks().values())
    assert not lost
    assert not doubled
    assert set(sandbox.tasks()) <= writer.sent
    assert flexbrevo.metric("unaccounted_events") == 0
    return (f"acknowledged={len(acknowledged)} refused={len(writer.refused)} "
            f"present={len(present(cluster))} lost={len(lost)} doubled={doubled}")


def move_under_load(program, cluster, twilio, sandbox, capsys, changes, callers):
    flexbrevo = program(changes={"redis": {"url": cluster.url}, **changes}).start()
    writer = Writer(flexbrevo, twilio, callers).start()
    writer.wait_for(200)
    source = cluster.owner_of(MOVED)
    target = next(node for node in cluster.nodes if node is not source)
    began = time.monotonic()
    keys = cluster.move(MOVED, target)
    took = time.monotonic() - began
    writer.wait_for(50)
    figures = finish(flexbrevo, writer, cluster, sandbox)
    assert cluster.owner_of(MOVED) is target
    with capsys.disabled():
        print(f"\nslot moved keys={keys} in={took:.2f}s {figures}")
    return writer


def test_a_slot_moves_under_load_and_nothing_is_lost(
        program, cluster, twilio, sandbox, capsys):
    writer = move_under_load(program, cluster, twilio, sandbox, capsys, NO_SPOOL, callers=2)
    assert {partition_of(sid) for sid in writer.refused} <= {MOVED}


def test_a_slot_moves_under_load_and_with_a_spool_nobody_is_refused(
        program, cluster, twilio, sandbox, capsys):
    writer = move_under_load(program, cluster, twilio, sandbox, capsys, {}, callers=1)
    assert not writer.refused


def kill_and_start_again(flexbrevo, cluster, twilio, sandbox, capsys, callers):
    """What is of other nodes goes on meanwhile, to Brevo. Returns the writer, the partitions away."""
    writer = Writer(flexbrevo, twilio, callers).start()
    writer.wait_for(50)
    node = cluster.owner_of(MOVED)
    away = cluster.partitions_of(node)
    node.kill()
    killed = time.monotonic()
    harness.wait_until(
        lambda: [sid for sid in sandbox.tasks() if partition_of(sid) not in away
                 and writer.acknowledged.get(sid, 0) > killed + 1][20:],
        "events of other partitions, delivered")
    node.start()
    writer.wait_for(50)
    with capsys.disabled():
        print(f"\nnode killed and back {finish(flexbrevo, writer, cluster, sandbox)}")
    return writer, away


def test_a_node_killed_and_started_again_loses_nothing(
        program, cluster, twilio, sandbox, capsys):
    flexbrevo = program(changes={"redis": {"url": cluster.url}, **NO_SPOOL}).start()
    writer, away = kill_and_start_again(flexbrevo, cluster, twilio, sandbox, capsys, 2)
    assert {partition_of(sid) for sid in writer.refused} <= away
    assert " error redis_partly_away partitions=" in flexbrevo.log()
    assert " info redis_whole " in flexbrevo.log()


def test_with_a_spool_a_node_that_is_away_refuses_nobody(
        program, cluster, twilio, sandbox, capsys):
    flexbrevo = program(changes={"redis": {"url": cluster.url}}).start()
    writer, _ = kill_and_start_again(flexbrevo, cluster, twilio, sandbox, capsys, 1)
    assert not writer.refused


def test_a_slot_moves_and_a_node_dies_and_each_task_stays_in_its_order(
        program, cluster, twilio, sandbox, capsys):
    settings = {"redis": {"url": cluster.url}}
    flexbrevo = program("serve", settings).start()
    senders = Senders(flexbrevo, twilio, rate=100)
    senders.wait_for(100)
    source = cluster.owner_of(MOVED)
    target = next(node for node in cluster.nodes if node is not source)
    cluster.move(MOVED, target)
    senders.wait_for(100)
    target.kill()
    senders.wait_for(300)
    spooled = flexbrevo.metric("spool_pending")
    target.start()
    senders.wait_for(100)
    senders.stop()
    harness.wait_until(lambda: flexbrevo.metric("spool_pending") == 0, "a drained spool", 20)
    senders.check([key for partition in range(PARTITIONS)
                   for key in cluster.owner_of(partition).ask(
                       "xrange", f"fb:{{{partition}}}:stream", "-", "+").split("\n")[2::3]])
    program("work", settings).start()
    senders.check_delivered(sandbox)
    with capsys.disabled():
        print(f"\nslot moved and node killed acknowledged={len(senders.told)} refused=0 "
              f"spooled={spooled:.0f} lost=0 doubled=0")


@pytest.mark.slow
def test_a_replica_takes_over_and_nothing_is_lost_with_wait_replicas(
        program, make_cluster, twilio, sandbox, capsys):
    cluster = make_cluster(has_replicas=True)
    flexbrevo = program(changes={"redis": {"url": cluster.url + "?wait_replicas=1"},
                                 **NO_SPOOL}).start()
    writer = Writer(flexbrevo, twilio, callers=2).start()
    writer.wait_for(50)
    node = cluster.owner_of(MOVED)
    replica = cluster.nodes[cluster.nodes.index(node) + redis_cluster.NODES]
    node.kill()
    wait_until(lambda: cluster.owner_of(MOVED) is replica, "the replica as a master", 20)
    node.start()                # as the replica of the other; before, nothing is acknowledged
    wait_until(lambda: "state=online" in replica.ask("info", "replication"),
               "the old master as a replica", 20)
    writer.wait_for(50)
    with capsys.disabled():
        print(f"\nreplica took over {finish(flexbrevo, writer, cluster, sandbox)}")
    assert f" warn redis_moved master=127.0.0.1:{replica.port}\n" in flexbrevo.log()


def test_with_a_user_who_may_do_no_more_than_it_must(
        program, make_cluster, twilio, sandbox):
    cluster = make_cluster(has_passwords=True)
    flexbrevo = program(changes={"redis": {"url": cluster.url},
                                 "queue": {"keep_bodies": "1h"}}).start()
    caller = flexbrevo.caller()
    assert caller.send(twilio.callback(Task())).status == 204
    sandbox.wait_for_events(1)
    for command in (["status"], ["parked", "list"], ["audit"], ["pause"], ["resume"]):
        status, _, err = harness.run_command(*command, environment={"REDIS_URL": cluster.url})
        assert status == 0, (command, err)
    assert flexbrevo.metric("unaccounted_events") == 0
    assert "NOPERM" not in flexbrevo.log()
    assert not re.search("secret", flexbrevo.log())
