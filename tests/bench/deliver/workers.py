#!/usr/bin/python3
"""How much faster two workers are than one, when Brevo's answers take their time.

    workers.py [--build DIR] [--rounds N] [--events N] [--latency SECONDS]

In each round the same number of completed tasks is put into an empty Redis by a server, then
delivered by one worker or by two, the two shapes taking turns: A B, B A, and so on. Brevo is the
sandbox of the tests, without limits, every answer after `--latency`. Figures are events a second
from the start of the workers to the last event; the ratio is the median of the rounds' ratios.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "sandbox")]
PATIENCE_S = 120


def config(redis, sandbox, home):
    return {
        "connectors": {"twilio_flex": {
            "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
            "auth_token": harness.AUTH_TOKEN}},
        "brevo": {"api_key": harness.API_KEY, "base_url": sandbox.url, "max_rps": 10000,
                  "rate_share": 1},
        "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
        "admin": {"listen": "127.0.0.1:0"},
        "redis": {"url": redis.url},
        "ticket": dict(harness.NO_WAITS),
        "state_dir": str(home / "state"),
    }


def program(command, redis, sandbox, home):
    home.mkdir(parents=True)
    return harness.Flexbrevo(home, config(redis, sandbox, home), command)


def fill(server, count):
    caller, twilio = server.caller(), harness.Twilio()
    for _ in range(count):
        assert caller.send(twilio.callback(harness.Task())).status == 204


def deliver(workers, sandbox, count):
    """Events a second."""
    for worker in workers:
        worker.start(wait=False)
    began = harness.wait_until(
        lambda: sandbox.requests() and time.monotonic(), "the first call", PATIENCE_S)
    harness.wait_until(lambda: sandbox.event_count() >= count, "the last event", PATIENCE_S)
    return count / (time.monotonic() - began)


def measure(worker_count, arguments):
    with tempfile.TemporaryDirectory(prefix="flexbrevo-bench-") as directory:
        home = pathlib.Path(directory)
        redis = harness.Redis(home / "redis").start()
        sandbox = harness.Sandbox().start()
        sandbox.fault("delay", count=-1, seconds=arguments.latency)
        server = program("serve", redis, sandbox, home / "server")
        workers = [program("work", redis, sandbox, home / f"worker{number}")
                   for number in range(worker_count)]
        try:
            fill(server.start(), arguments.events)
            rate = deliver(workers, sandbox, arguments.events)
            assert set(sandbox.tasks().values()) == {1}, "an event was doubled"
            return rate
        finally:
            for one in [*workers, server]:
                one.close()
            sandbox.stop()
            redis.close()


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.05)
    return parser.parse_args()


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
    ARGUMENTS = read_arguments()
    os.environ["FLEXBREVO_BIN"] = str(ARGUMENTS.build.resolve() / "flexbrevo")
    import harness  # it reads the environment
    main(ARGUMENTS)
