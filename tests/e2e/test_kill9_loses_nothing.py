"""kill -9 under load, again and again: every acknowledged event is delivered.

FLEXBREVO_KILLS is how often (5); FLEXBREVO_SEED repeats a run's choices. Prints one line:

    kills=50 acknowledged=... delivered=... lost=0 doubled=... maybe_duplicates=...

maybe_duplicates counts, over all kills, the events Brevo had answered and Redis did not yet know
as delivered: only those may be sent twice.
"""

import json
import os
import random
import time

import pytest

import harness

KILLS = int(os.environ.get("FLEXBREVO_KILLS", "5"))
SEED = int(os.environ.get("FLEXBREVO_SEED", str(time.time_ns() % 1_000_000)))
LIVE_MAX = 8            # sent and not settled, per worker
BACKLOG_MAX = 32        # the same where a backlog may go in batches
LIMIT_S = 60 + 8 * KILLS


def settled_on_disk(flexbrevo, directory):
    """How many deliveries the files of the killed Redis remember."""
    redis = harness.copy_state(flexbrevo, directory)
    try:
        status, out, err = harness.run_command(
            "status", "--json", environment={"REDIS_URL": redis.url})
        assert status == 0, err
        return json.loads(out)["queue_delivered"]
    finally:
        redis.close()


def answered(sandbox):
    """Tasks Brevo has been told of, once everything under way there has ended."""
    return set(sandbox.tasks())


@pytest.mark.parametrize("batch, most", [(False, LIVE_MAX), (True, BACKLOG_MAX)])
@pytest.mark.time_limit(LIMIT_S)
def test_kill9_loses_nothing(program, twilio, sandbox, tmp_path, capsys, batch, most):
    choose = random.Random(SEED)
    flexbrevo = program(changes={"brevo": {"batch": batch}}).start()
    load = harness.Load(flexbrevo, sandbox, twilio).start()
    maybe = []
    for number in range(KILLS):
        goal = sandbox.event_count() + choose.randrange(5, 80)
        harness.wait_until(lambda: sandbox.event_count() >= goal, "load to be delivered")
        flexbrevo.kill()
        settled = settled_on_disk(flexbrevo, tmp_path / f"copy{number}")
        maybe.append(len(answered(sandbox)) - settled)
        flexbrevo.start()
    harness.wait_until(lambda: sandbox.event_count() >= goal + 5, "load after the last kill")
    load.stop()
    flexbrevo.replay_poison()
    load.wait_delivered()
    harness.wait_until(lambda: flexbrevo.metric("queue_pending") == 0, "an empty queue")

    times = sandbox.tasks()
    lost = load.acknowledged - set(times)
    doubled = [task for task, count in times.items() if count > 1]
    with capsys.disabled():
        print(f"\nkills={KILLS} acknowledged={len(load.acknowledged)} delivered={len(times)} "
              f"lost={len(lost)} doubled={len(doubled)} maybe_duplicates={sum(maybe)} seed={SEED}")
    assert not lost
    assert set(times) <= load.sent
    assert load.refused == []
    for before, count in zip([0, *maybe], maybe):
        assert 0 <= count <= most + before      # what was in doubt before may be so still
    assert len(doubled) <= sum(maybe)
    assert max(times.values()) <= 1 + KILLS
    assert flexbrevo.metric("unaccounted_events") == 0
    assert flexbrevo.metric("queue_parked") == 0
