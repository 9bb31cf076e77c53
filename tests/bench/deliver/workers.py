#!/usr/bin/python3
"""How much faster two workers are than one, when Brevo's answers take their time.

    workers.py [--build DIR] [--rounds N] [--events N] [--latency SECONDS]

In each round the same number of completed tasks is put into an empty Redis by a server, then
delivered by one worker or by two, the two shapes taking turns: A B, B A, and so on. Brevo is the
sandbox of the tests, without limits, every answer after `--latency`. Figures are events a second
from the start of the workers to the last event; the ratio is the median of the rounds' ratios.
"""

import statistics
import time

import stand
from stand import harness

PATIENCE_S = 120
UNLIMITED = {"max_rps": 10000, "rate_share": 1}


def deliver(workers, sandbox, count):
    """Events a second."""
    for worker in workers:
        worker.start(wait=False)
    began = harness.wait_until(
        lambda: sandbox.requests() and time.monotonic(), "the first call", PATIENCE_S)
    harness.wait_until(lambda: sandbox.event_count() >= count, "the last event", PATIENCE_S)
    return count / (time.monotonic() - began)


def measure(worker_count, arguments):
    sandbox = harness.Sandbox()
    sandbox.fault("delay", count=-1, seconds=arguments.latency)
    with stand.Stand(sandbox, UNLIMITED, worker_count) as there:
        there.fill(arguments.events, arguments.events)
        rate = deliver(there.workers, sandbox, arguments.events)
        assert set(sandbox.tasks().values()) == {1}, "an event was doubled"
        return rate


def read_arguments():
    parser = stand.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.05)
    return stand.read(parser)


def main(arguments):
    rates = {1: [], 2: []}
    for number in range(arguments.rounds):
        for count in (1, 2) if number % 2 == 0 else (2, 1):
            rates[count].append(measure(count, arguments))
        print(f"round {number + 1}: one {rates[1][-1]:.0f}/s, two {rates[2][-1]:.0f}/s",
              flush=True)
    ratio = statistics.median(two / one for one, two in zip(rates[1], rates[2]))
    print(f"events={arguments.events} latency_s={arguments.latency} "
          f"one={statistics.median(rates[1]):.0f}/s two={statistics.median(rates[2]):.0f}/s "
          f"ratio={ratio:.2f}")


if __name__ == "__main__":
    main(read_arguments())
