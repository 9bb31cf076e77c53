#!/usr/bin/python3
"""What a backlog costs, in calls and in time, with batches and without.

    backlog.py [--build DIR] [--events N] [--contacts N] [--batch-rps N]

A server puts completed tasks of so many contacts into an empty Redis; then one worker delivers them
to the tests' sandbox, which allows ten requests a second of each kind, as Brevo does. Batches are
allowed a hundred an hour, or --batch-rps a second: nobody knows which is true of Brevo.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("e2e", "sandbox")]
PATIENCE_S = 600


def config(redis, sandbox, home, batch):
    return {
        "connectors": {"twilio_flex": {
            "account_sid": harness.ACCOUNT_SID, "workspace_sid": harness.WORKSPACE_SID,
            "auth_token": harness.AUTH_TOKEN}},
        "brevo": {"api_key": harness.API_KEY, "base_url": sandbox.url, "batch": batch},
        "server": {"listen": "127.0.0.1:0", "public_url": harness.PUBLIC_URL},
        "admin": {"listen": "127.0.0.1:0"},
        "redis": {"url": redis.url},
        "ticket": dict(harness.NO_WAITS),
        "state_dir": str(home / "state"),
    }


def program(command, redis, sandbox, home, batch):
    home.mkdir(parents=True)
    return harness.Flexbrevo(home, config(redis, sandbox, home, batch), command)


def fill(server, arguments):
    caller, twilio = server.caller(), harness.Twilio()
    customers = [harness.Customer.new() for _ in range(arguments.contacts)]
    for number in range(arguments.events):
        task = harness.Task(customer=customers[number % len(customers)])
        assert caller.send(twilio.callback(task)).status == 204


def measure(batch, arguments):
    with tempfile.TemporaryDirectory(prefix="flexbrevo-bench-") as directory:
        home = pathlib.Path(directory)
        redis = harness.Redis(home / "redis").start()
        sandbox = harness.Sandbox(rps=10)
        sandbox.brevo.batch_rps = arguments.batch_rps
        sandbox.brevo.reset()
        sandbox.start()
        server = program("serve", redis, sandbox, home / "server", batch)
        worker = program("work", redis, sandbox, home / "worker", batch)
        try:
            fill(server.start(), arguments)
            began = time.monotonic()
            worker.start()
            harness.wait_until(lambda: sandbox.event_count() >= arguments.events,
                               "the last event", PATIENCE_S)
            took_s = time.monotonic() - began
            assert set(sandbox.tasks().values()) == {1}, "an event was doubled"
            return took_s, [f"{one['method']} {one['path']}" for one in sandbox.requests()
                            if one["status"] != 429]
        finally:
            for one in (worker, server):
                one.close()
            sandbox.stop()
            redis.close()


def tell(batch, arguments):
    took_s, calls = measure(batch, arguments)
    batches, singles = calls.count("POST /events/batch"), calls.count("POST /events")
    print(f"batch={str(batch).lower()} events={arguments.events} contacts={arguments.contacts} "
          f"seconds={took_s:.1f} calls_an_event={len(calls) / arguments.events:.2f} "
          f"of_events={(batches + singles) / arguments.events:.2f} "
          f"batches={batches} singles={singles}", flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--contacts", type=int, default=100)
    parser.add_argument("--batch-rps", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    ARGUMENTS = read_arguments()
    os.environ["FLEXBREVO_BIN"] = str(ARGUMENTS.build.resolve() / "flexbrevo")
    import harness  # it reads the environment
    for shape in (True, False):
        tell(shape, ARGUMENTS)
