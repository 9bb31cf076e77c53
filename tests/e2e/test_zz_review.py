import time, subprocess, json
import pytest
import harness
from harness import Task

def drained(flexbrevo):
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")

def test_union_when_plugin_knows_nobody(caller, twilio, sandbox, flexbrevo):
    task = Task()
    fields = task.callback("task.completed")
    del fields["TaskQueueName"]
    assert caller.send(twilio.plugin(task, TaskAttributes={})).status == 202
    time.sleep(0.3)
    assert caller.send(twilio.form(fields)).status == 204
    event, = sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert event["event_properties"].get("queue") == "Billing"

def test_union_when_twilio_knows_nobody(caller, twilio, sandbox, flexbrevo):
    task = Task()
    fields = task.callback("task.completed")
    fields["TaskAttributes"] = "{}"
    fields["TimestampMs"] = str(task.time_ms - 60000)
    fields["Timestamp"] = str(task.time_ms // 1000 - 60)
    assert caller.send(twilio.form(fields)).status == 204
    time.sleep(0.3)
    assert caller.send(twilio.plugin(task)).status == 202
    event, = sandbox.wait_for_events(1)
    drained(flexbrevo)
    assert event["event_properties"]["source_event_id"] == fields["Sid"]

def test_slow_rate(program, twilio, sandbox):
    flexbrevo = program(changes={"brevo": {"max_rps": 0.2}}).start()
    flexbrevo.caller().send(twilio.callback(Task()))
    sandbox.wait_for_events(1)

def test_over_maxmemory(program, redis, twilio, sandbox):
    server = program("serve", changes={"redis": {"url": redis.url}}).start()
    caller = server.caller()
    fact = Task()
    assert caller.send(twilio.callback(fact, "reservation.accepted")).status == 204
    tasks = [Task() for _ in range(5)]
    for t in tasks:
        assert caller.send(twilio.callback(t)).status == 204
    subprocess.run(["redis-cli", "-s", str(redis.socket), "config", "set", "maxmemory", "1"], check=True)
    worker = program("work", changes={"redis": {"url": redis.url}}).start(wait=False)
    sandbox.wait_for_events(5, 8)
    harness.wait_until(lambda: server.metric("queue_delivered") == 5, "settled", 8)
    subprocess.run(["redis-cli", "-s", str(redis.socket), "config", "set", "maxmemory", "0"], check=True)
    drained(server)
