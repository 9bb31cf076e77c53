"""Figures into tables: medians, ratios within rounds, and the goals they are held against."""

import dataclasses
import json
import os
import pathlib
import platform
import statistics
import subprocess
import typing

from contestants import CONTESTANTS, NODE_MODULES

BEGIN, END = "<!-- results: written by compare.py -->", "<!-- end of results -->"
LABELS = {contestant.name: contestant.label for contestant in CONTESTANTS}
PACKAGES = ("libmicrohttpd12", "libhiredis0.14", "redis-server", "nginx", "golang-go",
            "golang-github-gomodule-redigo-dev", "lua-nginx-redis")
NODE_PACKAGES = ("express", "twilio", "bullmq", "fastify", "ioredis")


class Figures:
    """What a run of the benchmark says; absent figures are None."""

    def __init__(self, results):
        self.results = results
        self.by = {}
        for run in results["runs"]:
            self.by.setdefault((run["phase"], run["entry"]), {})[run["round"]] = run

    def median(self, phase, entry, figure):
        runs = self.by.get((phase, entry))
        return statistics.median(run[figure] for run in runs.values()) if runs else None

    def ratios(self, figure, one, other):
        """Within each round; rounds with a noisy run only where there are no two others."""
        limit = self.results["foreign_max"]
        pairs = [(self.by[one][number], self.by[other][number])
                 for number in self.by.get(one, {}) if number in self.by.get(other, {})]
        quiet = [pair for pair in pairs if all(run["foreign"] <= limit for run in pair)]
        return [a[figure] / b[figure] for a, b in (quiet if len(quiet) >= 2 else pairs)
                if b[figure]]


def ratio(figure, one, other):
    """`one` and `other` are (phase, entry)."""
    return lambda figures: figures.ratios(figure, one, other)


def plain(phase, entry, figure):
    def values(figures):
        return [run[figure] for run in figures.by.get((phase, entry), {}).values()]
    return values


def started(figures):
    return [1000 * seconds for seconds in figures.results["starts"]["ours"]]


@dataclasses.dataclass(frozen=True)
class Goal:
    measure: str
    values: typing.Callable     # of the figures, one a round; the median counts
    floor: float
    goal: float
    is_less_better: bool = False
    unit: str = "x"

    def reaches(self, value, mark):
        # a tenth of the last place shown is no difference
        return value <= mark * 1.005 if self.is_less_better else value >= mark * 0.995


def rate_against(peer):
    return ratio("requests_per_s", ("limit", "ours"), ("limit", peer))


def cpu_against(peer):
    return ratio("server_us", ("limit", "ours"), ("limit", peer))


def tail_against(peer):
    return ratio("p99_us", ("low", "ours"), ("low", peer))


def batches_against(peer):
    return ratio("events_per_s", ("batches", "ours"), ("batches", peer))


GOALS = (
    Goal("durable accepts a second: against Express + BullMQ", rate_against("express"), 12, 18),
    Goal("… against Fastify + ioredis", rate_against("fastify"), 4.5, 6.5),
    Goal("… against nginx + Lua", rate_against("nginx"), 1.7, 2.5),
    Goal("… against Go", rate_against("go"), 1.8, 2.7),
    Goal("… against a Node server that does nothing", rate_against("nothing"), 0.85, 1.1),
    Goal("… against bare libmicrohttpd", rate_against("bare"), 0.22, 0.35),
    Goal("verified only, against bare libmicrohttpd",
         ratio("requests_per_s", ("limit", "ours_verified"), ("limit", "bare")), 0.45, 0.6),
    Goal("events a second in batches of 100: against Express + `addBulk`",
         batches_against("express"), 4, 6.5),
    Goal("… against Fastify + one script call", batches_against("fastify"), 1.3, 1.8),
    Goal("`appendfsync always` against `everysec`, ours",
         ratio("requests_per_s", ("always", "ours"), ("always", "ours_everysec")), 0.65, 0.9),
    Goal("server CPU for an accepted request: against Express + BullMQ",
         cpu_against("express"), 1 / 15, 1 / 30, True),
    Goal("… against Fastify + ioredis", cpu_against("fastify"), 1 / 6, 1 / 10, True),
    Goal("p99 at 500 a second: against Express + BullMQ", tail_against("express"),
         0.2, 0.05, True),
    Goal("… against Fastify + ioredis", tail_against("fastify"), 0.6, 0.3, True),
    Goal("p99 at 10,000 a second, against Express's at 600",
         ratio("p99_us", ("high", "ours"), ("high", "express")), 0.5, 0.12, True),
    Goal("memory, 64 connections busy", plain("limit", "ours", "pss_mb"), 12, 8, True, "MB"),
    Goal("memory, 1,000 connections busy", plain("many", "ours", "pss_mb"), 40, 25, True, "MB"),
    Goal("start to first durable answer", started, 60, 15, True, "ms"),
    Goal("Redis commands a flood of forged requests causes",
         lambda figures: [figures.results["flood"]["commands"]], 0, 0, True, ""),
)


# ---- text

def number(value):
    if value is None:
        return "–"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}" if abs(value) >= 0.1 else f"{value:.3f}"


def with_unit(value, unit):
    return number(value) + ("" if unit in ("x", "") else " " + unit)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(goal, value):
    if goal.reaches(value, goal.goal):
        return "goal"
    return "floor" if goal.reaches(value, goal.floor) else "**missed**"


def goal_rows(figures):
    for goal in GOALS:
        values = goal.values(figures)
        if not values:
            yield [goal.measure, "not measured", "", with_unit(goal.floor, goal.unit),
                   with_unit(goal.goal, goal.unit), ""]
            continue
        value = statistics.median(values)
        yield [goal.measure, with_unit(value, goal.unit),
               f"{number(min(values))} – {number(max(values))}",
               with_unit(goal.floor, goal.unit), with_unit(goal.goal, goal.unit),
               verdict(goal, value)]


def rows_of(figures, phase, columns, suffix=""):
    """A row for each contestant; a column is a figure and what it is divided by."""
    for name, label in LABELS.items():
        entry = name + suffix
        if (phase, entry) in figures.by:
            values = (figures.median(phase, entry, figure) for figure, _ in columns)
            yield [label, *(number(value / scale) for value, (_, scale) in zip(values, columns))]


LATENCIES = (("p50_us", 1000), ("p99_us", 1000), ("p999_us", 1000))
COSTS = (("server_us", 1), ("redis_us", 1), ("pss_mb", 1))
TABLES = (
    ("As fast as answers come, 64 connections, `appendfsync everysec`",
     "limit", "", (("requests_per_s", 1), *LATENCIES, *COSTS)),
    ("The same with `appendfsync always`",
     "always", "", (("requests_per_s", 1), *LATENCIES, *COSTS)),
    ("The same with 1,000 connections, `everysec`",
     "many", "", (("requests_per_s", 1), *LATENCIES, *COSTS)),
    ("Requests at fixed instants, half as many as its own limit",
     "half", "", (("rate", 1), *LATENCIES, *COSTS)),
    ("Requests at fixed instants, 500 a second",
     "low", "", (("rate", 1), *LATENCIES, *COSTS)),
    ("Requests at fixed instants, 10,000 and 600 a second",
     "high", "", (("rate", 1), *LATENCIES, *COSTS)),
    ("Event Streams batches of 100 events, 16 connections, `everysec`",
     "batches", "", (("events_per_s", 1), *LATENCIES, *COSTS)),
    ("The same batches with `appendfsync always`",
     "batches", "_always", (("events_per_s", 1), *LATENCIES, *COSTS)),
)
HEADS = {"requests_per_s": "requests/s", "events_per_s": "events/s", "rate": "requests/s",
         "p50_us": "p50 ms", "p99_us": "p99 ms", "p999_us": "p99.9 ms",
         "server_us": "server CPU µs", "redis_us": "Redis CPU µs", "pss_mb": "memory MB"}


def start_rows(results):
    for name, seconds in results["starts"].items():
        yield [LABELS[name], number(1000 * statistics.median(seconds)),
               f"{number(1000 * min(seconds))} – {number(1000 * max(seconds))}"]


def markdown(results):
    figures = Figures(results)
    versions = ", ".join(f"{name} {version}" for name, version in
                         results["machine"]["versions"].items())
    stored = [run for run in results["runs"] if run["stored"] is not None]
    parts = [
        f"Measured on {results['machine']['hardware']}. Versions: {versions}.",
        f"{results['rounds']} rounds of {number(results['run_s'])} s a run, "
        f"{len(results['runs'])} runs in {results['took_s']} s; {results['repeated']} repeated for "
        f"foreign use of the machine, {results['noisy']} kept although it was over "
        f"{results['foreign_max']:.0%}. Events acknowledged and found in Redis: "
        f"{sum(run['expected'] for run in stored):,} and "
        f"{sum(run['stored'] for run in stored):,}.",
        table(["measure", "result", "rounds", "floor", "goal", "reached"], goal_rows(figures))]
    for title, phase, suffix, columns in TABLES:
        rows = list(rows_of(figures, phase, columns, suffix))
        if rows:
            parts.append(f"**{title}**\n\n" + table(
                ["", *(HEADS[figure] for figure, _ in columns)], rows))
    parts.append("**From start to the first durable answer**\n\n" + table(
        ["", "ms", "range"], start_rows(results)))
    flood = results["flood"]
    parts.append(f"Forged requests: {number(flood['refused_per_s'])} a second refused, "
                 f"{flood['commands']} commands to Redis.")
    if results["missing"]:
        parts.append("Not installed, so left out: " + ", ".join(
            LABELS[name] for name in results["missing"]) + ".")
    return "\n\n".join(parts)


def write_doc(path, text):
    page = path.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"compare: no place for the results: {path} (it needs {BEGIN} and {END})")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


# ---- the machine

def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def versions_of(build):
    said = output(build / "flexbrevo", "version").split()
    yield "flexbrevo", said[1] if len(said) > 1 else "?"
    for line in output("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *PACKAGES).splitlines():
        name, _, version = line.partition(" ")
        if version:
            yield name, version
    if node := output("node", "--version"):
        yield "node", node.removeprefix("v")
    for name in NODE_PACKAGES:
        file = NODE_MODULES / name / "package.json"
        if file.exists():
            yield name, json.loads(file.read_text())["version"]


def describe_machine(build):
    model = next((line.partition(":")[2].strip() for line in
                  pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {"hardware": f"{os.cpu_count()} processors ({model}), {memory_gb:.0f} GiB, "
                        f"Linux {platform.release().partition('-')[0]}",
            "versions": dict(versions_of(build))}
