"""Several loops: all serve, all drain, one answer to whether we are ready."""

import contextlib
import http.client
import os
import pathlib
import socket
import threading

import pytest

import harness
from harness import Task

LOOPS = 4


@pytest.fixture
def flexbrevo(program):
    return program(changes={"server": {"loops": LOOPS}}).start()


def switches(flexbrevo):
    """How often each thread of the program has gone to sleep."""
    found = {}
    for task in pathlib.Path(f"/proc/{flexbrevo.process.pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        found[task.name] = next(int(line.split()[1]) for line in lines
                                if line.startswith("voluntary_ctxt_switches"))
    return found


def test_every_loop_serves(flexbrevo, twilio, sandbox):
    tasks = [Task() for _ in range(64)]
    before = switches(flexbrevo)
    callers = [flexbrevo.caller() for _ in tasks]   # all open at once
    for caller, task in zip(callers, tasks):
        assert caller.send(twilio.callback(task)).status == 204
    after = switches(flexbrevo)
    busy = [name for name in after if after[name] - before.get(name, 0) >= 3]
    assert len(busy) >= LOOPS + 1                   # and the worker
    sandbox.wait_for_tasks({task.sid for task in tasks})
    assert set(sandbox.tasks().values()) == {1}
    assert flexbrevo.metric('events_accepted_total{source="taskrouter"}') == len(tasks)


def listeners(flexbrevo):
    """Sockets of the program listening on the webhooks' port."""
    port = int(flexbrevo.url.rpartition(":")[2])
    inodes = set()
    for line in pathlib.Path(f"/proc/{flexbrevo.process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            inodes.add(f"socket:[{fields[9]}]")
    descriptors = pathlib.Path(f"/proc/{flexbrevo.process.pid}/fd")
    found = []
    for name in descriptors.iterdir():
        with contextlib.suppress(FileNotFoundError):    # closed meanwhile
            if os.readlink(name) in inodes:
                found.append(name)
    return found


def test_each_loop_has_a_socket_on_the_one_port(flexbrevo):
    assert len(listeners(flexbrevo)) == LOOPS


def test_one_loop_leaves_the_port_to_nobody_else(program):
    alone = program().start()
    assert len(listeners(alone)) == 1
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError):
            other.bind(("127.0.0.1", int(alone.url.rpartition(":")[2])))


def test_sigterm_under_load_drains_every_loop(program, twilio, sandbox):
    flexbrevo = program(changes={"server": {"loops": LOOPS}}).start()
    load = harness.Load(flexbrevo, sandbox, twilio, callers=8).start()
    for _ in range(2):
        goal = sandbox.event_count() + 30
        harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered")
        flexbrevo.terminate()
        flexbrevo.start()
    load.stop()
    load.wait_delivered()
    assert load.refused == []
    assert set(sandbox.tasks().values()) == {1}


def test_a_unix_socket_is_shared_and_removed(program, twilio, tmp_path):
    path = tmp_path / "hooks.sock"
    flexbrevo = program(changes={"server": {"loops": LOOPS, "listen": f"unix:{path}"}})
    flexbrevo.start(wait=False)
    flexbrevo.admin_url = flexbrevo._announced("admin_listening")
    harness.wait_until(flexbrevo.is_ready, "readiness")
    results = []

    def send():
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(path))
        webhook = twilio.callback(Task())
        connection.request("POST", webhook.path, webhook.body, webhook.headers)
        results.append(connection.getresponse().status)
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(24)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert results == [204] * len(senders)
    flexbrevo.terminate()
    assert not path.exists()


def test_ready_means_every_loop_is(program, redis, twilio):
    flexbrevo = program(
        "serve", {"redis": {"url": redis.url}, "server": {"loops": LOOPS},
                  "queue": {"spool_max": 0}}).start()
    redis.kill()
    harness.wait_until(lambda: flexbrevo.admin("/readyz")[0] == 503, "not ready")
    redis.start()
    harness.wait_until(flexbrevo.is_ready, "readiness")
    for _ in range(16):                             # whichever loop is asked
        assert flexbrevo.caller().send(twilio.callback(Task())).status == 204


@pytest.mark.parametrize("loops", [0, 17, "many"])
def test_a_number_out_of_range_is_refused(program, loops):
    flexbrevo = program(changes={"server": {"loops": loops}}).start(wait=False)
    assert flexbrevo.process.wait(10) == os.EX_CONFIG
    assert "server.loops" in flexbrevo.log()
