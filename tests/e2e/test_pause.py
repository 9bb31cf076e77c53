"""Deliveries wait: by command or because Brevo refuses; for all workers at once; nothing is lost."""

import contextlib
import json
import time

import pytest

import harness
from harness import Task

CAUSE = 'brevo_paused{cause="%s"}'


def command(flexbrevo, *arguments):
    status, out, err = harness.run_command(*arguments, "--config", flexbrevo.config_file)
    assert (status, err) == (0, "")
    return out


def status(flexbrevo):
    return json.loads(command(flexbrevo, "status", "--json"))


def causes(flexbrevo):
    return {pause["cause"]: pause["remedy"] for pause in status(flexbrevo)["brevo_paused"]}


def wait_for_cause(flexbrevo, cause, value=1):
    harness.wait_until(lambda: flexbrevo.metric(CAUSE % cause) == value, f"{cause} {value}")


def wait_until_handed_back(flexbrevo):
    harness.wait_until(lambda: status(flexbrevo)["queue_claimed"] == 0, "nothing in hand")


# ---- by command

def test_a_pause_stops_all_deliveries_within_a_second_and_ingest_goes_on(
        caller, twilio, sandbox, flexbrevo):
    began = time.monotonic()
    assert "paused  operator" in command(flexbrevo, "pause", "--reason", "campaign on hold")
    wait_for_cause(flexbrevo, "operator")
    assert time.monotonic() - began < 5      # half a second, and this machine's mood
    tasks = [Task() for _ in range(20)]
    assert caller.send(twilio.stream(*tasks)).status == 204
    assert causes(flexbrevo) == {"operator": "flexbrevo resume; paused because: campaign on hold"}
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 20, "all waiting")
    assert sandbox.requests() == []
    assert "resumed  operator" in command(flexbrevo, "resume")
    sandbox.wait_for_events(20)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    wait_for_cause(flexbrevo, "operator", 0)
    assert causes(flexbrevo) == {}


def test_what_was_claimed_and_not_sent_is_handed_back(program, twilio, sandbox):
    flexbrevo = program(changes={"brevo": {"max_rps": 2}}).start()
    flexbrevo.caller().send(twilio.stream(*(Task() for _ in range(30))))
    harness.wait_until(lambda: sandbox.requests(), "a first call")
    command(flexbrevo, "pause")
    wait_for_cause(flexbrevo, "operator")
    wait_until_handed_back(flexbrevo)
    calls = len(sandbox.requests())
    for _ in range(3):                      # life goes on
        assert flexbrevo.caller().send(twilio.callback(Task())).status == 204
        wait_until_handed_back(flexbrevo)
    assert len(sandbox.requests()) == calls
    assert flexbrevo.metric("queue_parked") == 0
    record_attempts = command(flexbrevo, "parked", "list", "--json")
    assert json.loads(record_attempts)["records"] == []


def test_a_pause_survives_restarts(program, twilio, sandbox):
    flexbrevo = program().start()
    command(flexbrevo, "pause")
    wait_for_cause(flexbrevo, "operator")
    task = Task()
    flexbrevo.caller().send(twilio.callback(task))
    flexbrevo.kill()
    flexbrevo.start()
    wait_for_cause(flexbrevo, "operator")
    assert sandbox.requests() == []
    command(flexbrevo, "resume")
    sandbox.wait_for_events(1)


@pytest.mark.parametrize("name", ["task.completed", "SUPPORT_RESOLVED"])
def test_one_event_waits_and_the_others_pass(caller, twilio, sandbox, flexbrevo, name):
    command(flexbrevo, "pause", "--event", name)
    wait_for_cause(flexbrevo, "operator:task.completed")
    assert causes(flexbrevo) == {
        "operator:task.completed": "flexbrevo resume --event task.completed"}
    waiting = [Task() for _ in range(40)]
    caller.send(twilio.stream(*waiting))
    created = [Task() for _ in range(5)]
    caller.send(twilio.stream(*created, event="task.created"))
    harness.wait_until(lambda: len(sandbox.events("SUPPORT_REQUESTED")) == 5, "the others")
    harness.wait_until(lambda: status(flexbrevo)["queue_delayed"] == 40, "all on the shelf")
    assert sandbox.events("SUPPORT_RESOLVED") == []
    command(flexbrevo, "resume", "--event", name)
    harness.wait_until(lambda: len(sandbox.events("SUPPORT_RESOLVED")) == 40, "all of them")
    assert sandbox.tasks() == {task.sid: 1 for task in waiting}
    assert set(harness.re.findall(r"delivered key=task.completed\S+ event=\S+ attempt=(\d+)",
                                  flexbrevo.log())) == {"1"}


def claims(redis_url):
    """Commands that a worker busy with paused records would send over and over."""
    import redis as redis_client
    with contextlib.closing(redis_client.Redis(unix_socket_path=redis_url)) as client:
        return client.info("commandstats").get("cmdstat_xack", {}).get("calls", 0)


def test_workers_do_not_spin_over_what_waits(program, twilio, sandbox):
    flexbrevo = program().start()
    command(flexbrevo, "pause", "--event", "task.completed")
    wait_for_cause(flexbrevo, "operator:task.completed")
    caller = flexbrevo.caller()
    for _ in range(3):
        assert caller.send(twilio.stream(*(Task() for _ in range(100)))).status == 204
    harness.wait_until(lambda: status(flexbrevo)["queue_delayed"] == 300, "all on the shelf")
    socket = str(flexbrevo.state_dir / "redis.sock")
    before = claims(socket)
    created = Task()
    caller.send(twilio.callback(created, "task.created"))
    sandbox.wait_for_events(1)              # and it had to pass nobody
    assert claims(socket) - before <= 2
    command(flexbrevo, "resume")
    sandbox.wait_for_events(301)


def test_resume_ends_all_that_was_paused_by_command(caller, flexbrevo):
    command(flexbrevo, "pause")
    command(flexbrevo, "pause", "--event", "task.created")
    answer = json.loads(command(flexbrevo, "pause", "--event", "task.completed", "--json"))
    assert answer == {"paused": ["operator:task.completed"]}
    assert set(causes(flexbrevo)) == {
        "operator", "operator:task.created", "operator:task.completed"}
    out = command(flexbrevo, "resume", "--event", "task.created")
    assert out.startswith("resumed  operator:task.created\nstill paused  operator")
    assert set(json.loads(command(flexbrevo, "resume", "--json"))["resumed"]) == {
        "operator", "operator:task.completed"}
    assert command(flexbrevo, "resume") == "nothing was paused by command\n"


def test_resume_says_what_of_an_event_was_not_paused_and_what_still_is(caller, flexbrevo):
    command(flexbrevo, "pause", "--event", "task.completed")
    out = command(flexbrevo, "resume", "--event", "task.created").splitlines()
    assert out[0] == "no command paused task.created alone"
    assert len(out) == 2 and out[1].startswith("still paused  operator:task.completed: ")
    assert json.loads(command(flexbrevo, "resume", "--event", "task.created", "--json")) == {
        "resumed": []}
    command(flexbrevo, "pause")
    out = command(flexbrevo, "resume", "--event", "SUPPORT_REQUESTED").splitlines()
    assert out[0] == "no command paused SUPPORT_REQUESTED alone"
    assert {line.split(": ")[0] for line in out[1:]} == {
        "still paused  operator", "still paused  operator:task.completed"}


@pytest.mark.parametrize("arguments, word", [
    (["pause", "--event", "task.complete"],
     "no such event: task.complete (did you mean task.completed?)"),
    (["resume", "--event", "SUPORT_RESOLVED"],
     "no such event: SUPORT_RESOLVED (did you mean SUPPORT_RESOLVED?)"),
    (["resume", "--event", "x"], "no such event"),
    (["pause", "--reason", "x" * 121], "--reason"), (["pause", "--reason", "a\nb"], "--reason"),
    (["pause", "now"], "unexpected argument")])
def test_a_slip_exits_64_and_pauses_nothing(flexbrevo, arguments, word):
    done = harness.run_command(*arguments, "--config", flexbrevo.config_file)
    assert done[0] == 64 and word in done[2] and done[2].count("\n") == 1
    assert causes(flexbrevo) == {}


# ---- because Brevo refuses, with several workers

@pytest.fixture
def workers(config, redis, tmp_path):
    """`serve` and three `work`, which share one Redis."""
    with contextlib.ExitStack() as made:
        def make(name, kind):
            directory = tmp_path / name
            directory.mkdir()
            one = harness.Flexbrevo(
                directory, {**config, "redis": {"url": redis.url},
                            "state_dir": str(directory / "state")}, kind)
            made.callback(one.close)
            return one.start()

        server = make("server", "serve")
        yield server, [make(f"worker{number}", "work") for number in range(3)]


def test_all_workers_pause_at_once_and_one_at_a_time_probes(workers, twilio, sandbox):
    server, working = workers
    sandbox.fault("key_revoked", count=-1)
    tasks = [Task() for _ in range(60)]
    began = time.monotonic()
    assert server.caller().send(twilio.stream(*tasks)).status == 204
    for worker in working:
        wait_for_cause(worker, "unauthorized")
        wait_until_handed_back(worker)
    met = len(sandbox.requests())
    probes = int(time.monotonic() - began)  # at most
    assert met <= 8 * len(working) + probes     # what each had in hand
    harness.wait_until(lambda: len(sandbox.requests()) >= met + 2, "two more probes")
    times = [entry["time"] for entry in sandbox.requests()][met:]
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[1:]))
    sandbox.heal()
    sandbox.wait_for_events(len(tasks))
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    for worker in working:
        wait_for_cause(worker, "unauthorized", 0)
    harness.wait_until(lambda: status(server)["queue_pending"] == 0, "all to be settled")
    assert status(server)["queue_parked"] == 0
    logs = "".join(worker.log() for worker in working)
    assert " attempt=2 " not in logs


def test_a_probing_worker_that_dies_is_followed_by_another(workers, twilio, sandbox, redis):
    """Its turn ends by Redis's clock, which is put forward here."""
    import redis as redis_client
    server, working = workers
    harness.wait_until(             # the faults are none of that look's business
        lambda: len(sandbox.requests("GET", "/contacts/attributes")) == len(working), "its looks")
    sandbox.fault("key_revoked", count=3)
    sandbox.fault("hang", seconds=20, count=1)
    task = Task()
    assert server.caller().send(twilio.callback(task)).status == 204
    harness.wait_until(lambda: any(entry["fault"] == "hang" for entry in sandbox.requests()),
                       "a probe without an answer")
    sandbox.heal()
    with contextlib.closing(redis_client.Redis(unix_socket_path=str(redis.socket))) as client:
        due, interval, holder = client.hget("fb:paused", ".probe").decode().split()
        dead = next(w for w in working if holder.startswith(consumer_of(w)))
        dead.process.kill()
        dead.process.wait()
        other = Task()
        assert server.caller().send(twilio.callback(other)).status == 204
        client.hset("fb:paused", ".probe", f"1 {interval} {holder}")
    harness.wait_until(lambda: other.sid in sandbox.tasks(), "the delivery of another worker")


def consumer_of(worker):
    return (worker.state_dir / "id").read_text().strip()


# ---- 403 stops one class

def test_events_forbidden_lets_contacts_be_updated_where_no_event_is_due(
        caller, twilio, sandbox, flexbrevo):
    sandbox.fault("forbidden", endpoint="POST /events", count=-1)
    first = [Task() for _ in range(10)]
    caller.send(twilio.stream(*first))
    wait_for_cause(flexbrevo, "forbidden_events")
    old = Task(time_ms=int((time.time() - 25 * 3600) * 1000))
    assert caller.send(twilio.callback(old)).status == 204
    harness.wait_until(lambda: sandbox.contact(old.customer.email), "the old one's contact")
    assert sandbox.event_count() == 0
    assert flexbrevo.metric("queue_parked") == 0
    sandbox.heal()
    sandbox.wait_for_events(10)
    assert sandbox.tasks() == {task.sid: 1 for task in first}
    wait_for_cause(flexbrevo, "forbidden_events", 0)


def test_a_key_that_may_only_read_contacts_stays_paused_though_lookups_succeed(
        caller, twilio, sandbox, flexbrevo):
    sandbox.fault("forbidden", endpoint="POST /contacts", count=4)
    tasks = [Task() for _ in range(3)]
    caller.send(twilio.stream(*tasks))
    wait_for_cause(flexbrevo, "forbidden_contacts")
    sandbox.wait_for_events(3)
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
    wait_for_cause(flexbrevo, "forbidden_contacts", 0)
