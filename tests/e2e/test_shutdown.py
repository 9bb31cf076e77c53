"""Starting, stopping, being killed: in order, in time, leaving nothing behind."""

import os
import signal
import socket
import threading
import time

import pytest

import harness
import raw_http
from harness import Task


def test_sigterm_under_load_ends_in_time_and_loses_nothing(program, twilio, sandbox):
    flexbrevo = program().start()
    load = harness.Load(flexbrevo, sandbox, twilio).start()
    for _ in range(2):
        goal = sandbox.event_count() + 30
        harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered")
        flexbrevo.terminate()               # status 0, under 10 s, or it fails
        flexbrevo.start()
    load.stop()
    load.wait_delivered()
    assert load.refused == []
    assert set(sandbox.tasks().values()) == {1}


def test_sigterm_while_brevo_hangs_ends_in_time(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.fault("hang", count=-1, seconds=60)
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 1, "a pending record")
    flexbrevo.terminate()
    sandbox.heal()
    flexbrevo.start()
    sandbox.wait_for_events(1)
    assert sandbox.tasks() == {task.sid: 1}


def test_sigterm_waits_for_a_slow_answer_and_doubles_nothing(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.fault("delay", endpoint="POST /events", count=1, seconds=4)
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    harness.wait_until(lambda: sandbox.requests("GET"), "a call under way")
    flexbrevo.terminate()
    flexbrevo.start()
    harness.wait_until(lambda: flexbrevo.metric("queue_delivered") == 1, "its delivery")
    assert sandbox.tasks() == {task.sid: 1}


def test_sigterm_while_everything_hangs_ends_in_time(program, twilio, sandbox):
    """Brevo, Redis and the callers: the waits add up, and must still fit."""
    flexbrevo = program().start()
    sandbox.fault("hang", count=-1, seconds=60)
    tasks = [Task() for _ in range(12)]
    for task in tasks:
        assert flexbrevo.caller().send(twilio.callback(task)).status == 204
    harness.wait_until(lambda: len(sandbox.requests()) >= 8, "calls under way")
    redis, = flexbrevo.children()
    os.kill(redis, signal.SIGSTOP)
    callers = [threading.Thread(target=flexbrevo.caller().send, args=[twilio.callback(Task())])
               for _ in range(4)]
    for caller in callers:
        caller.start()
    time.sleep(2)                           # until the worker has noticed, too
    flexbrevo.terminate()
    for caller in callers:
        caller.join()
    sandbox.heal()
    flexbrevo.start()
    harness.wait_until(                     # what came later may have been kept, and come first
        lambda: all(sandbox.tasks()[task.sid] for task in tasks), "all of them")
    assert {sandbox.tasks()[task.sid] for task in tasks} == {1}


def test_sigterm_answers_what_is_under_way_and_lets_nobody_in(program, redis, twilio):
    """Requests wait for Redis when the end begins; it comes back while they are drained."""
    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    idle = raw_http.connect(server.url)
    idle.sendall(raw_http.request_bytes(twilio.callback(Task())))
    assert raw_http.status_of(raw_http.read_answer(idle)) == 204
    redis.process.send_signal(signal.SIGSTOP)
    waiting = [raw_http.connect(server.url) for _ in range(50)]
    for connection in waiting:
        connection.sendall(raw_http.request_bytes(twilio.callback(Task())))
    time.sleep(0.3)                         # suspended by then
    server.process.send_signal(signal.SIGTERM)
    assert raw_http.read_to_end(idle) == b""
    with pytest.raises(ConnectionRefusedError):
        raw_http.connect(server.url)
    redis.process.send_signal(signal.SIGCONT)
    answers = [raw_http.read_to_end(connection) for connection in waiting]
    assert [raw_http.status_of(answer) for answer in answers] == [204] * 50
    assert all(b"Connection: close\r\n" in answer for answer in answers)
    assert server.process.wait(harness.STOP_S) == 0
    for connection in [idle, *waiting]:
        connection.close()


def test_a_server_that_drains_calls_itself_ready_to_nobody(program, redis, twilio):
    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    redis.process.send_signal(signal.SIGSTOP)
    waiting = raw_http.connect(server.url)
    waiting.sendall(raw_http.request_bytes(twilio.callback(Task())))
    time.sleep(0.3)                         # suspended by then
    server.process.send_signal(signal.SIGTERM)
    harness.wait_until(lambda: " draining " in server.log(), "the drain")
    assert server.admin("/readyz?verbose")[0] in (0, 503)
    assert raw_http.status_of(raw_http.read_to_end(waiting)) == 204     # the spool has it
    assert server.process.wait(harness.STOP_S) == 0
    redis.process.send_signal(signal.SIGCONT)
    waiting.close()


def test_sigterm_is_heard_however_many_ask_a_hung_redis(program):
    flexbrevo = program().start()
    redis, = flexbrevo.children()
    os.kill(redis, signal.SIGSTOP)
    askers = [threading.Thread(target=flexbrevo.admin, args=["/metrics"]) for _ in range(40)]
    for asker in askers:
        asker.start()
    time.sleep(1)                           # more than one wait, less than all
    flexbrevo.terminate()
    for asker in askers:
        asker.join()


def test_sigterm_while_waiting_for_redis_ends_in_time(program):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        flexbrevo = program(changes={"redis": {"url": f"redis://127.0.0.1:{port}"}})
        flexbrevo.start(wait=False)
        mute.accept()[0].close()
        assert flexbrevo.terminate() < 5


def test_sigterm_while_waiting_for_the_state_directory_ends_at_once(program):
    first = program().start()
    second = program()
    second.start(wait=False)
    harness.wait_until(lambda: is_waiting_for(second, first.state_dir / "lock"), "the wait")
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(3) in (0, -signal.SIGTERM)
    assert first.is_ready()


def is_waiting_for(flexbrevo, path):
    descriptors = f"/proc/{flexbrevo.process.pid}/fd"
    return any(os.path.realpath(f"{descriptors}/{name}") == str(path)
               for name in os.listdir(descriptors))


def test_what_redis_writes_is_for_nobody_else(program, twilio):
    flexbrevo = program()
    flexbrevo.state_dir.mkdir(mode=0o755)
    flexbrevo.start()
    assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
    paths = [path for path in flexbrevo.state_dir.rglob("*") if not path.is_socket()]
    assert any(path.suffix == ".aof" for path in paths)
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_an_idle_program_ends_at_once(program):
    assert program().start().terminate() < 3


def test_kill9_leaves_no_redis_behind(program):
    flexbrevo = program().start()
    child, = flexbrevo.children()
    flexbrevo.process.kill()
    flexbrevo.process.wait()
    harness.wait_until(lambda: not is_alive(child), "the end of redis-server")


def test_sigterm_leaves_no_redis_behind(program):
    flexbrevo = program().start()
    child, = flexbrevo.children()
    flexbrevo.terminate()
    assert not is_alive(child)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_run_on_the_same_directory_waits_for_the_first(program, twilio, sandbox):
    first = program().start()
    second = program()
    second.log_file = second.directory / "second.log"
    second.start(wait=False)
    task = Task()
    assert first.caller().send(twilio.callback(task)).status == 204
    sandbox.wait_for_events(1)
    harness.wait_until(lambda: " waiting for=" in second.log(), "the second run to wait")
    assert second.process.poll() is None and "listening" not in second.log()
    first.terminate()
    second.wait_ready()
    assert second.caller().send(twilio.callback(task)).status == 204
    assert sandbox.tasks() == {task.sid: 1}


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_a_second_run_that_waited_too_long_says_why(program):
    program().start()
    second = program()
    second.log_file = second.directory / "second.log"
    second.start(wait=False)
    assert second.process.wait(40) == os.EX_UNAVAILABLE
    assert str(second.state_dir) in second.log() and "in use" in second.log()


BAD_CONFIGURATIONS = [
    ({"connectors": {"twilio_flex": {"auth_tokn": "x"}}}, ["auth_tokn", "auth_token"]),
    ({"connectors": {"twilio_flex": {"auth_token": None}}}, ["auth_token"]),
    ({"brevo": {"api_key": None}}, ["api_key"]),
    ({"brevo": {"max_rps": "fast"}}, ["max_rps", "fast"]),
    ({"server": {"listen": "nowhere"}}, ["listen", "nowhere"]),
    ({"redis": {"url": "mysql://localhost"}}, ["redis"]),
    ({"queue": {"plugin_wait": "soon"}}, ["plugin_wait", "soon"]),
    ({"surprise": 1}, ["surprise"]),
]


@pytest.mark.parametrize("changes,words", BAD_CONFIGURATIONS,
                         ids=[words[0] for _, words in BAD_CONFIGURATIONS])
def test_a_bad_configuration_is_refused_with_78(program, changes, words):
    flexbrevo = program(changes=changes).start(wait=False)
    assert flexbrevo.process.wait(10) == os.EX_CONFIG
    log = flexbrevo.log()
    assert log.startswith("flexbrevo: ")
    for word in words:
        assert word in log


def test_an_unknown_key_is_named_with_its_place(program):
    flexbrevo = program(changes={"brevo": {"max_rpss": 1}}).start(wait=False)
    assert flexbrevo.process.wait(10) == os.EX_CONFIG
    lines = flexbrevo.config_file.read_text().splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "max_rpss" in text)
    column = lines[line - 1].index('"') + 1
    assert f"{flexbrevo.config_file}:{line}:{column}" in flexbrevo.log()
    assert "max_rps" in flexbrevo.log()


@pytest.mark.parametrize("command", ["serve", "work"])
def test_serve_and_work_need_a_redis(program, command):
    flexbrevo = program(command).start(wait=False)
    assert flexbrevo.process.wait(10) == os.EX_CONFIG
    assert "redis.url" in flexbrevo.log()


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n"])
def test_an_empty_configuration_file_leaves_it_to_the_environment(tmp_path, text):
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    status, out, err = harness.run_command("check-config", "--config", path, environment={
        "TWILIO_ACCOUNT_SID": harness.ACCOUNT_SID, "TWILIO_AUTH_TOKEN": harness.AUTH_TOKEN,
        "BREVO_API_KEY": harness.API_KEY, "FLEXBREVO_PUBLIC_URL": harness.PUBLIC_URL})
    assert status == 0, err
    assert harness.AUTH_TOKEN not in out and harness.API_KEY not in out
