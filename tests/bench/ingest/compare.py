#!/usr/bin/python3
"""flexbrevo's ingest beside other stacks that do the same work: same machine, Redis and requests.

    compare.py [--build DIR] [--quick] [--only NAME,...] [--json FILE] [--write-doc]
    compare.py --from FILE [--write-doc]      the tables of an earlier run

All contestants are started once and stay. In each round every one is measured in turn, A B C, the
next round C B A, and so on; figures are medians of rounds, ratios the medians of the ratios within
a round. Before each run Redis is emptied, so that every event is new; after it, what Redis holds is
compared with what was acknowledged. A run during which others used much of the machine is repeated.
docs/performance.md says what each measure means. What is not installed is left out, and said.

A full run takes up to 20 minutes, --quick about one: it shows that everything works, its figures
mean little.
"""

import argparse
import dataclasses
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import bodies
import machine
import report
from contestants import CONTESTANTS, Running

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOREIGN_MAX = 0.10      # of the machine: a run with more is repeated
REPEATS_MAX = 2
SAMPLE_AT = 0.6         # of a run: when memory is looked at
GRACE_S = 30            # for the loader, beyond the time it was given
BY_THE_CLOCK_S = 2      # what the service asks Redis unasked, it asks at least so often
CONNECTIONS, CONNECTIONS_MANY, CONNECTIONS_BATCH = 64, 1000, 16
RATE_LOW, RATE_HIGH, RATE_EXPRESS = 500, 10000, 600


@dataclasses.dataclass(frozen=True)
class Scale:
    rounds: int
    run_s: float
    warm_s: float
    starts: int
    counts: dict        # requests prepared of each kind
    patience_s: float   # later than this nothing is repeated or waited for
    quiet_s: float      # how long we wait for a quiet machine before a run


FULL = Scale(4, 2.0, 2.0, 5, {"callback": 90000, "ignored": 2000, "forged": 2000, "batch": 1800},
             patience_s=420, quiet_s=3)
QUICK = Scale(2, 0.3, 0.3, 1, {"callback": 15000, "ignored": 500, "forged": 500, "batch": 300},
              patience_s=0, quiet_s=0)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A contestant under one load."""

    contestant: str
    kind: str = "callback"
    connections: int = CONNECTIONS
    rate: int = 0           # 0: as fast as answers come
    fsync: str = "everysec"
    name: str = ""

    @property
    def key(self):
        return self.name or self.contestant


def entries(names, **more):
    return [Entry(name, **more) for name in names.split()]


DURABLE = "ours express fastify nginx go"
PHASES = {
    "limit": [*entries(DURABLE + " nothing bare"),
              Entry("ours", kind="ignored", name="ours_verified")],
    "always": [Entry("ours", name="ours_everysec"), *entries(DURABLE, fsync="always")],
    "batches": [*entries("ours express fastify bare", kind="batch", connections=CONNECTIONS_BATCH),
                *(Entry(name, kind="batch", connections=CONNECTIONS_BATCH, fsync="always",
                        name=f"{name}_always") for name in ("ours", "express", "fastify"))],
    "many": entries(DURABLE, connections=CONNECTIONS_MANY),
    "half": entries(DURABLE),
    "low": entries(DURABLE, rate=RATE_LOW),
    "high": [Entry("ours", rate=RATE_HIGH), Entry("express", rate=RATE_EXPRESS)],
}


class Bench:
    def __init__(self, build, scale, only, directory):
        self.build, self.scale, self.directory = build, scale, directory
        self.began = time.monotonic()
        self.runs, self.problems, self.repeated = [], [], 0
        self.missing = {}
        self.contestants = {}
        for contestant in CONTESTANTS:
            lacking = contestant.missing(build)
            if only and contestant.name not in only:
                continue
            if lacking:
                self.missing[contestant.name] = lacking
            else:
                self.contestants[contestant.name] = contestant
        if "ours" not in self.contestants:
            raise SystemExit(f"compare: nothing to compare: {build}/flexbrevo (build it)")
        self.redis = machine.Redis(directory / "redis")
        self.running = {}

    # ---- one run

    def load(self, entry, run_s):
        """The loader's figures, and memory in the midst of it."""
        command = [
            self.build / "tests" / "bench" / "loader", str(self.running[entry.contestant].port),
            self.requests(entry.kind), str(entry.connections), str(int(run_s * 1000)),
            str(entry.rate)]
        if self.contestants[entry.contestant].stored is None or entry.kind in ("ignored", "forged"):
            command.append("repeat")    # nothing is stored, so nothing need be new
        loader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(run_s * SAMPLE_AT)
        pss_mb = machine.pss_mb(self.running[entry.contestant].process.pid)
        output, _ = loader.communicate(timeout=run_s + GRACE_S)
        if loader.returncode != 0:
            raise SystemExit(f"compare: the loader failed: {entry.key} (see above)")
        return json.loads(output) | {"pss_mb": pss_mb}

    def requests(self, kind):
        return self.directory / f"{kind}.requests"

    def run(self, entry, run_s):
        self.redis.empty(entry.fsync)
        if not self.is_late():
            machine.wait_for_quiet(self.scale.quiet_s)
        server, store = self.running[entry.contestant].process.pid, self.redis.process.pid
        watch = machine.Watch()
        server_s, redis_s = machine.cpu_s(server), machine.cpu_s(store)
        result = self.load(entry, run_s)
        server_s, redis_s = machine.cpu_s(server) - server_s, machine.cpu_s(store) - redis_s
        accepted = max(result["accepted"], 1)
        events = bodies.EVENTS_OF_A_BATCH if entry.kind == "batch" else 1
        return result | {
            "foreign": watch.foreign(), "server_us": server_s / accepted * 1e6,
            "redis_us": redis_s / accepted * 1e6,
            "requests_per_s": result["accepted"] / max(result["seconds"], 1e-6),
            "events_per_s": result["accepted"] * events / max(result["seconds"], 1e-6),
            "stored": self.stored(entry), "expected": result["accepted"] * events}

    def stored(self, entry):
        count = self.contestants[entry.contestant].stored
        return count(self.redis.client) if count and entry.kind != "ignored" else None

    def check(self, phase, entry, result):
        """What was acknowledged is there, and nothing else is."""
        if result["stored"] is None:
            return
        unclear = (result["refused"] + result["errors"] + result["unanswered"]) * (
            bodies.EVENTS_OF_A_BATCH if entry.kind == "batch" else 1)
        extra = result["stored"] - result["expected"]
        if result["accepted"] == 0 or not 0 <= extra <= unclear:
            self.problems.append(
                f"{phase}, {entry.key}: {result['expected']} events acknowledged, "
                f"{result['stored']} stored, {unclear} not answered with success")

    def measured(self, phase, entry):
        """A run, repeated while others use the machine; the quietest counts."""
        best = None
        for attempt in range(1 + REPEATS_MAX):
            result = self.run(entry, self.scale.run_s)
            self.check(phase, entry, result)
            best = min(best or result, result, key=lambda one: one["foreign"])
            if best["foreign"] <= FOREIGN_MAX or self.is_late() or attempt == REPEATS_MAX:
                return best
            self.repeated += 1

    def is_late(self):
        return time.monotonic() - self.began > self.scale.patience_s

    # ---- phases

    def phase(self, name, chosen):
        chosen = [entry for entry in chosen if entry.contestant in self.contestants]
        for number in range(self.scale.rounds):
            for entry in chosen if number % 2 == 0 else reversed(chosen):
                result = self.measured(name, entry)
                self.runs.append(
                    {"phase": name, "round": number, "entry": entry.key, "rate": entry.rate}
                    | result)
                print(f"  {name} {number + 1}/{self.scale.rounds} {entry.key}: "
                      f"{result['requests_per_s']:.0f}/s, p99 {result['p99_us'] / 1000:.1f} ms, "
                      f"foreign {result['foreign']:.0%}", file=sys.stderr, flush=True)

    def half_of_limits(self, chosen):
        limits = {name: statistics.median(
            run["requests_per_s"] for run in self.runs
            if run["phase"] == "limit" and run["entry"] == name) for name in self.contestants}
        return [dataclasses.replace(entry, rate=max(1, int(limits[entry.contestant] / 2)))
                for entry in chosen if entry.contestant in limits]

    def starts(self):
        """From starting the program to its first durable answer; Redis is there already."""
        events = bodies.Events()
        found = {}
        for number in range(self.scale.starts):
            for name in (name for name in DURABLE.split() if name in self.contestants):
                self.redis.empty("everysec")
                found.setdefault(name, []).append(self.start(name, number, bodies.callback(events)))
        return found

    def start(self, name, number, request):
        one = Running(self.contestants[name], self.build,
                      self.directory / f"start-{name}-{number}", self.redis.socket)
        began = time.monotonic()
        one.start()
        try:
            machine.wait_until(lambda: one.post(request) == 204, f"{name}'s first answer")
            passed_s = time.monotonic() - began
            if one.contestant.stored(self.redis.client) != 1:
                self.problems.append(f"start, {name}: acknowledged and not stored")
            return passed_s
        finally:
            one.stop()

    def flood(self):
        """Redis's commands while forged requests pour in, less those of an idle while.

        The idle one is longer: whatever the service does by the clock falls into it at least
        as often."""
        def counted(act):
            before = self.redis.calls()
            result = act()
            return result, {command: count - before.get(command, 0)
                            for command, count in self.redis.calls().items()
                            if count != before.get(command, 0)}

        _, idle = counted(lambda: time.sleep(self.scale.run_s + 2 * BY_THE_CLOCK_S))
        refused, flood = counted(lambda: self.load(Entry("ours", kind="forged"),
                                                   self.scale.run_s))
        if refused["refused"] == 0 or refused["accepted"] > 0:
            self.problems.append("flood: forged requests were not refused")
        caused = {command: count - idle.get(command, 0)
                  for command, count in flood.items() if count > idle.get(command, 0)}
        return {"refused_per_s": refused["refused"] / refused["seconds"],
                "commands": sum(caused.values()), "caused": caused}

    def start_all(self):
        for kind, count in self.scale.counts.items():
            bodies.write(kind, count, self.requests(kind))
        for name, contestant in self.contestants.items():
            self.running[name] = Running(
                contestant, self.build, self.directory / name, self.redis.socket).start()
        forged = bodies.callback(bodies.Events(), token="another token")
        for name, contestant in self.contestants.items():
            running = self.running[name].wait()
            if contestant.stored and running.post(forged) != 403:
                self.problems.append(f"start, {name}: takes a forged request")
            self.run(Entry(name), self.scale.warm_s)
            if name in ("ours", "express", "fastify"):
                self.run(Entry(name, kind="batch", connections=CONNECTIONS_BATCH),
                         self.scale.warm_s)

    def measure(self):
        self.start_all()
        for name, chosen in PHASES.items():
            self.phase(name, self.half_of_limits(chosen) if name == "half" else chosen)
        return {
            "machine": report.describe_machine(self.build), "missing": self.missing,
            "rounds": self.scale.rounds, "run_s": self.scale.run_s, "repeated": self.repeated,
            "noisy": sum(run["foreign"] > FOREIGN_MAX for run in self.runs),
            "foreign_max": FOREIGN_MAX, "flood": self.flood(), "starts": self.starts(),
            "problems": self.problems, "runs": self.runs,
            "took_s": round(time.monotonic() - self.began)}

    def close(self):
        for running in self.running.values():
            running.stop()
        self.redis.close()


def measure(arguments):
    bodies.check_against_twilio()
    only = set(arguments.only.split(",")) if arguments.only else None
    with tempfile.TemporaryDirectory(prefix="flexbrevo-bench-") as directory:
        bench = Bench(arguments.build.resolve(), QUICK if arguments.quick else FULL, only,
                      pathlib.Path(directory))
        try:
            return bench.measure()
        finally:
            bench.close()


def read_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--quick", action="store_true", help="a minute: does it work?")
    parser.add_argument("--only", metavar="NAME,...", help="these contestants only")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there")
    parser.add_argument("--from", dest="source", type=pathlib.Path, help="do not measure")
    parser.add_argument("--write-doc", action="store_true", help="into docs/performance.md")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # what was started is stopped
    arguments = read_arguments()
    results = json.loads(arguments.source.read_text()) if arguments.source else measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    text = report.markdown(results)
    print(text)
    if arguments.write_doc:
        report.write_doc(ROOT / "docs" / "performance.md", text)
    for problem in results["problems"]:
        print(f"compare: {problem}", file=sys.stderr)
    return 1 if results["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
