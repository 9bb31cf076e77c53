#!/usr/bin/python3
"""What a backlog costs, in calls and in time, with batches and without.

    backlog.py [--build DIR] [--events N] [--contacts N] [--batch-rps N]

A server puts completed tasks of so many contacts into an empty Redis; then one worker delivers them
to the tests' sandbox, which allows ten requests a second of each kind, as Brevo does. Batches are
allowed a hundred an hour, or --batch-rps a second: nobody knows which is true of Brevo.
"""

import time

import stand
from stand import harness

PATIENCE_S = 600


def measure(batch, arguments):
    sandbox = harness.Sandbox(rps=10)
    sandbox.brevo.batch_rps = arguments.batch_rps
    sandbox.brevo.reset()
    with stand.Stand(sandbox, {"batch": batch}) as there:
        there.fill(arguments.events, arguments.contacts)
        began = time.monotonic()
        there.workers[0].start()
        harness.wait_until(lambda: sandbox.event_count() >= arguments.events,
                           "the last event", PATIENCE_S)
        took_s = time.monotonic() - began
        assert set(sandbox.tasks().values()) == {1}, "an event was doubled"
        return took_s, [f"{one['method']} {one['path']}" for one in sandbox.requests()
                        if one["status"] != 429]


def tell(batch, arguments):
    took_s, calls = measure(batch, arguments)
    batches, singles = calls.count("POST /events/batch"), calls.count("POST /events")
    print(f"batch={str(batch).lower()} events={arguments.events} contacts={arguments.contacts} "
          f"seconds={took_s:.1f} calls_an_event={len(calls) / arguments.events:.2f} "
          f"of_events={(batches + singles) / arguments.events:.2f} "
          f"batches={batches} singles={singles}", flush=True)


def read_arguments():
    parser = stand.parser(__doc__)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--contacts", type=int, default=100)
    parser.add_argument("--batch-rps", type=int, default=0)
    return stand.read(parser)


if __name__ == "__main__":
    ARGUMENTS = read_arguments()
    for shape in (True, False):
        tell(shape, ARGUMENTS)
