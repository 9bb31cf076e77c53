"""What was acknowledged before a restart is delivered after it, once."""

import harness
from harness import Task


def test_what_waited_for_brevo_is_delivered_after_a_restart(program, twilio, sandbox):
    flexbrevo = program().start()
    sandbox.stop()
    tasks = [Task() for _ in range(20)]
    assert flexbrevo.caller().send(twilio.stream(*tasks)).status == 204
    flexbrevo.terminate()
    sandbox.start()
    assert sandbox.event_count() == 0
    flexbrevo.start()
    sandbox.wait_for_events(len(tasks))
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}


def test_what_was_delivered_before_is_not_delivered_after(program, twilio, sandbox):
    flexbrevo = program().start()
    task = Task()
    webhook = twilio.callback(task)
    flexbrevo.caller().send(webhook)
    sandbox.wait_for_events(1)
    flexbrevo.terminate()
    flexbrevo.start()
    caller = flexbrevo.caller()
    assert caller.send(webhook).status == 204
    marker = Task()
    caller.send(twilio.callback(marker))
    sandbox.wait_for_events(2)
    assert sandbox.tasks() == {task.sid: 1, marker.sid: 1}


def test_a_server_and_a_worker_share_one_redis(program, twilio, sandbox, redis):
    shared = {"redis": {"url": redis.url}}
    server = program("serve", shared).start()
    tasks = [Task() for _ in range(20)]
    assert server.caller().send(twilio.stream(*tasks)).status == 204
    assert sandbox.requests() == []
    server.terminate()
    worker = program("work", shared).start()
    sandbox.wait_for_events(len(tasks))
    harness.wait_until(lambda: worker.metric("queue_pending") == 0, "an empty queue")
    assert sandbox.tasks() == {task.sid: 1 for task in tasks}
