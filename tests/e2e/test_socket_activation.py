"""A listening socket that somebody else keeps: restarts lose no connection attempt."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

import harness
import raw_http
from harness import Task

# Passes descriptors as systemd does: from 3 on, for this very process, with names.
PASS = """
import fcntl, os, sys
count = int(sys.argv[1])
fds = [int(fd) for fd in sys.argv[3:3 + count]]
copies = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in fds]    # out of the way of 3, 4
for fd in fds:
    os.set_inheritable(fd, False)
for place, copy in enumerate(copies):
    os.dup2(copy, 3 + place, inheritable=True)
os.environ |= {"LISTEN_FDS": str(count), "LISTEN_PID": str(os.getpid()),
               "LISTEN_FDNAMES": sys.argv[2]}
os.execv(sys.argv[3 + count], sys.argv[3 + count:])
"""


class Activated(harness.Flexbrevo):
    """The program as its socket unit starts it."""

    sockets = {}

    def start(self, wait=True):
        wrapper = self.directory / "activate.sh"
        fds = [sock.fileno() for sock in self.sockets.values()]
        wrapper.write_text(
            f"#!/bin/sh\nexec {sys.executable} {self.directory}/pass.py {len(fds)} "
            f"{':'.join(self.sockets)} {' '.join(map(str, fds))} {harness.BINARY} \"$@\"\n")
        wrapper.chmod(0o755)
        (self.directory / "pass.py").write_text(PASS)
        self.config_file.write_text(harness.json.dumps(self.config))
        self.log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [wrapper, self.command, "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ(), pass_fds=fds)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        self.url, self.admin_url = (self.url_of(event) for event in ("listening", "admin_listening"))
        harness.wait_until(self.is_ready, lambda: "readiness\n" + self.log())

    def url_of(self, event):
        pattern = re.compile(rf" {event} (?:address=systemd\S* port=|url=http://127.0.0.1:)(\d+)")
        found = harness.wait_until(lambda: pattern.search(self.log()[self.log_start:]),
                                   lambda: f"{event}\n{self.log()}")
        return "http://127.0.0.1:" + found.group(1)


@pytest.fixture
def activated(config, tmp_path):
    with contextlib.ExitStack() as made:
        def make(names, **listen):
            changed = {**config, "server": {**config["server"], "listen": listen["server"]},
                       "admin": {"listen": listen.get("admin", "127.0.0.1:0")}}
            program = Activated(tmp_path, changed)
            program.sockets = {name: made.enter_context(
                socket.create_server(("127.0.0.1", 0), backlog=512)) for name in names}
            made.callback(program.close)
            return program
        yield make


def port_of(sock):
    return sock.getsockname()[1]


def test_the_first_socket_is_the_servers(activated, twilio, sandbox):
    program = activated(["one", "two"], server="systemd").start()
    assert program.url.endswith(f":{port_of(program.sockets['one'])}")
    assert program.caller().send(twilio.callback(Task())).status == 204
    sandbox.wait_for_events(1)


def test_sockets_are_found_by_their_names(activated, twilio):
    program = activated(["admin", "web"], server="systemd:web", admin="systemd:admin").start()
    assert program.url.endswith(f":{port_of(program.sockets['web'])}")
    assert program.admin_url.endswith(f":{port_of(program.sockets['admin'])}")
    assert program.caller().send(twilio.callback(Task())).status == 204


def test_its_redis_does_not_inherit_the_socket(activated):
    program = activated(["web"], server="systemd").start()
    redis, = program.children()
    inode = os.fstat(program.sockets["web"].fileno()).st_ino
    held = [os.stat(f"/proc/{redis}/fd/{fd}").st_ino for fd in os.listdir(f"/proc/{redis}/fd")]
    assert inode not in held


def test_a_restart_under_load_loses_no_connection_attempt(activated, twilio, sandbox):
    """Every caller connects anew for each request, over and over, while the program restarts."""
    program = activated(["web"], server="systemd").start()
    address = ("127.0.0.1", port_of(program.sockets["web"]))
    acknowledged, lost, stopping = [], [], threading.Event()

    def call():
        while not stopping.is_set():
            task = Task()
            try:
                with socket.create_connection(address, 20) as connection:
                    connection.sendall(raw_http.request_bytes(twilio.callback(task)))
                    status = raw_http.status_of(raw_http.read_answer(connection))
            except OSError as error:
                status = error
            (acknowledged if status == 204 else lost).append((task.sid, status))
            time.sleep(0.005)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for caller in callers:
        caller.start()
    for _ in range(3):
        goal = len(acknowledged) + 50
        harness.wait_until(lambda: len(acknowledged) >= goal, "requests to be acknowledged")
        program.terminate()
        program.start()
    stopping.set()
    for caller in callers:
        caller.join()
    assert lost == []
    sandbox.wait_for_tasks({sid for sid, _ in acknowledged})


@pytest.mark.parametrize("environment,words", [
    ({}, "no socket was passed to this process"),
    ({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, "no socket was passed to this process"),
    ({"LISTEN_FDS": "0"}, "no socket was passed to this process"),
])
def test_without_a_socket_it_says_so(program, environment, words):
    refused = program(changes={"server": {"listen": "systemd:web"}}, environment=environment)
    refused.start(wait=False)
    assert refused.process.wait(20) == os.EX_UNAVAILABLE
    line = next(line for line in refused.log().splitlines() if line.startswith("flexbrevo: "))
    assert words in line and "systemd:web" in line and "socket unit" in line


def test_a_name_that_was_not_passed_is_named(activated):
    program = activated(["admin"], server="systemd:web")
    program.start(wait=False)
    assert program.process.wait(20) == os.EX_UNAVAILABLE
    assert "no socket of that name was passed: systemd:web" in program.log()


def test_what_is_no_listening_socket_is_refused(activated):
    program = activated([], server="systemd")
    with socket.socket() as unbound:
        program.sockets = {"web": unbound}
        program.start(wait=False)
        assert program.process.wait(20) == os.EX_UNAVAILABLE
    assert "no listening stream socket: systemd" in program.log()


@pytest.mark.parametrize("admin", ["systemd", "systemd:web"])
def test_one_socket_for_both_listeners_is_refused(program, admin):
    refused = program(changes={"server": {"listen": "systemd:web"}, "admin": {"listen": admin}})
    refused.start(wait=False)
    assert refused.process.wait(20) == os.EX_CONFIG
    assert "server.listen and admin.listen may be one inherited socket" in refused.log()


@pytest.mark.skipif(not os.access("/usr/bin/systemd-socket-activate", os.X_OK),
                    reason="systemd-socket-activate is not there")
def test_systemds_own_activator_is_understood(program, tmp_path, monkeypatch, twilio):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = port_of(taken)
    wrapper = tmp_path / "activate"
    wrapper.write_text(f"#!/bin/sh\nexec systemd-socket-activate -l 127.0.0.1:{port} "
                       f"--fdname=web {harness.BINARY} \"$@\"\n")
    wrapper.chmod(0o755)
    monkeypatch.setattr(harness, "BINARY", str(wrapper))
    started = program(changes={"server": {"listen": "systemd:web"}}).start(wait=False)

    def is_up():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
        return " ready " in started.log()

    harness.wait_until(is_up, started.log)
    started.url = f"http://127.0.0.1:{port}"
    assert started.caller().send(twilio.callback(Task())).status == 204
