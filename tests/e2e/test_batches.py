"""A backlog goes many events at a time; what is live does not, and a batch's failure costs nothing."""
import signal

import pytest

import harness
from brevo_account import invalid
from brevo_sandbox import Bucket
from harness import Task
from test_contact_facts import attributes

BATCH = "/events/batch"
ALLOWED_RPS = 6


@pytest.fixture
def account(sandbox):
    """Contacts are fast: the events are what waits."""
    sandbox.brevo.buckets["contacts"] = Bucket(1000, 1)
    sandbox.brevo.buckets["events"] = Bucket(ALLOWED_RPS, 1)
    return sandbox


@pytest.fixture
def worker(program, redis):
    return program("work", changes={
        "redis": {"url": redis.url}, "brevo": {"max_rps": "auto"}})


@pytest.fixture
def server(program, redis):
    return program("serve", changes={"redis": {"url": redis.url}}).start()


@pytest.fixture
def backlog(server, twilio):
    def fill(count, customers=None):
        caller = server.caller()
        tasks = [Task(**({"customer": customers[n % len(customers)]} if customers else {}))
                 for n in range(count)]
        for task in tasks:
            assert caller.send(twilio.callback(task)).status == 204
        return [task.sid for task in tasks]
    return fill


def settled(server, count):
    harness.wait_until(lambda: server.metric("queue_delivered") == count, "settled events")


def batches(sandbox):
    return sandbox.requests("POST", BATCH)


def told(entry):
    return [event["event_properties"]["task_sid"] for event in entry["body"]["events"]]


def test_a_backlog_takes_few_calls_and_each_event_comes_once(
        account, worker, backlog, server):
    customers = [harness.Customer.new() for _ in range(50)]
    tasks = backlog(100, customers)
    account.fault("delay", endpoint="POST /events/batch", seconds=2)
    worker.start()
    settled(server, 100)
    assert account.tasks() == {sid: 1 for sid in tasks}
    assert all(10 <= len(told(entry)) <= 24 for entry in batches(account))
    singles = account.requests("POST", "/events")
    assert len(batches(account)) + len(singles) < 60
    assert len(singles) > ALLOWED_RPS       # they go on beside
    assert {attributes(account, one.email)["SUPPORT_TICKET_COUNT"] for one in customers} == {2}
    requests = worker.metric('brevo_requests_total{endpoint="events_batch",status="202"}')
    assert requests == len(batches(account))


def test_an_event_that_is_refused_in_a_batch_is_parked_alone(
        account, worker, backlog, server, monkeypatch):
    tasks = backlog(30)
    bad = []
    check = account.brevo.account._check_batched

    def refuse(event):
        """The third of the first batch, and then by itself, too."""
        bad[:] = bad or [told(batch)[2] for batch in [account.brevo.at_hand]]
        check(event)
        refuse_bad(event)

    def refuse_bad(event):
        if event["event_properties"]["task_sid"] in bad:
            raise invalid("event_properties.queue is not valid")

    watch_batches(account, monkeypatch, refuse)
    watch_singles(account, monkeypatch, refuse_bad)
    worker.start()
    settled(server, 29)
    harness.wait_until(lambda: server.metric("queue_parked") == 1, "the parked event")
    assert account.tasks() == {sid: 1 for sid in tasks if sid not in bad}
    assert [entry["status"] for entry in batches(account)][0] == 207


def watch_batches(account, monkeypatch, check):
    create = account.brevo.account.create_events

    def watched(raw, body):
        account.brevo.at_hand = {"body": body}
        return create(raw, body)
    monkeypatch.setattr(account.brevo.account, "create_events", watched)
    monkeypatch.setattr(account.brevo.account, "_check_batched", check)


def watch_singles(account, monkeypatch, check):
    create = account.brevo.account.create_event

    def watched(body):
        check(body)
        return create(body)
    monkeypatch.setattr(account.brevo.account, "create_event", watched)


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_batch_that_is_refused_goes_one_by_one(account, worker, backlog, server, status):
    account.fault("status", endpoint="POST " + BATCH, status=status, count=-1)
    tasks = backlog(30)
    worker.start()
    harness.wait_until(lambda: batches(account), "a batch")
    account.brevo.buckets["events"] = Bucket(1000, 1)       # it has been seen
    settled(server, 30)
    assert account.tasks() == {sid: 1 for sid in tasks}
    assert len(batches(account)) == 1 or status == 429      # then not for a while
    assert "paused" not in worker.log()


@pytest.mark.parametrize("end, doubled_max", [(signal.SIGKILL, 8), (signal.SIGTERM, 0)])
def test_a_worker_that_ends_with_a_batch_under_way_loses_nothing(
        account, worker, backlog, server, end, doubled_max):
    account.fault("delay", endpoint="POST " + BATCH, seconds=2)
    tasks = backlog(50)
    worker.start()
    harness.wait_until(lambda: account.brevo.faults[-1].count == 0, "a batch under way")
    worker.process.send_signal(end)
    worker.process.wait()
    worker.start()
    settled(server, 50)
    harness.wait_until(lambda: set(account.tasks()) == set(tasks), "all events")
    in_doubt = set(told(batches(account)[0])) if end == signal.SIGKILL else set()
    doubled = {sid for sid, count in account.tasks().items() if count > 1}
    assert len(doubled - in_doubt) <= doubled_max       # those under way by themselves


def test_what_a_second_clears_is_no_backlog(account, worker, backlog, server):
    worker.start()
    for count in (5, 10):
        backlog(5)
        settled(server, count)
    assert batches(account) == []
