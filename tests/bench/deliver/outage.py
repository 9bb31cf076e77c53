#!/usr/bin/python3
"""An hour without Brevo while a busy contact center goes on: how long it takes, and what it costs.

    outage.py [--build DIR] [--seed N] [--before S] [--outage S] [--after S] [--pace N]
              [--rps N] [--settle S]

A generated day (tests/day) is told at the pace of a busy hour: of 20,000 tasks a day 18 % are in
it, one a second. Brevo is the tests' sandbox, with its limits. After --before seconds it is away:
a quarter of the time its gateway answers, 502 and then 524, then nobody does. When it is back, what is
predicted is read, then what happens is measured until the queue is as before, while telling goes on.
In the end Brevo must have everything once, as the day's model has it. The program is configured as
by default, except that tickets and surveys settle in --settle: the day passes in less time than it had.
"""

import collections
import datetime
import json
import pathlib
import re
import signal
import sys
import tempfile
import threading
import time

import stand
from stand import harness

from compare import compare
from model import PERHAPS, expected_contacts
from scenes import SCENES
from stage import Pace, Stage
from story import Day
from telling import Telling

TASKS_A_SECOND = 20_000 * 0.18 / 3600
TASKS_A_CUSTOMER = 4
RATE_SHARE = 0.8                # brevo.rate_share's default
GATEWAY_SHARE = 0.25            # of an outage: then connections are refused
AT_ONCE_MS = {(0, 3_000): 1}    # what is minutes late is other tests' matter
PATIENCE_S = 3600
DELIVERED = re.compile(r"(\S+) \S+ delivered key=\S+ .*\bms=(\d+)")
HTML = "<html><head><title>502 Bad Gateway</title></head></html>"
LIMITED = ("contacts", "events")
WINDOW_S = 5


# ---- what is measured

class Samples:
    """The queue, once a second."""

    def __init__(self, program):
        self.program, self.taken, self.ended = program, [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(1):
            now = self.program.metrics()
            if "flexbrevo_queue_pending" in now:
                self.taken.append((time.time(), int(now["flexbrevo_queue_pending"]),
                                   now.get("flexbrevo_backlog_eta_seconds")))

    def usual(self, since):
        """The most that was pending."""
        return max(pending for at, pending, _ in self.taken if at >= since)

    def stop(self):
        self.ended.set()
        self.thread.join()


class Calls:
    """What Brevo was asked, without the bodies."""

    def __init__(self, brevo):
        self.brevo, self.all, self.last = brevo, [], 0

    def read(self):
        for entry in self.brevo.page(f"log?after={self.last}"):
            self.last = entry["n"]
            self.all.append((entry["time"], kind_of(entry), entry["status"]))

    def between(self, begin, end):
        return [call for call in self.all if begin <= call[0] < end]


def kind_of(entry):
    path = entry["path"].partition("?")[0]
    if path.startswith("/contacts"):
        return "contacts"
    if path == "/events/batch":
        return "batches"
    return "events" if entry["method"] == "POST" else "lookups"


def deliveries(log):
    """[(when, when received)] of events, by the program's own log."""
    found = []
    for when, ms in DELIVERED.findall(log):
        at = datetime.datetime.fromisoformat(when.split("=")[-1].replace("Z", "+00:00"))
        found.append((at.timestamp(), at.timestamp() - int(ms) / 1000))
    return found


# ---- the stage

class Busy(Stage):
    """Brevo's limits are what the program learns; what loopback shortens is as for Brevo itself."""

    def _config(self, directory, overwrites):
        brevo = {"api_key": harness.API_KEY, "base_url": self.brevo.url, "lookup_after": "3m",
                 "agent": "name"}   # which the day's model tells
        return super()._config(directory, overwrites) | {"brevo": brevo}


def remember(brevo, people, rps):
    """Contacts of the evening before, no faster than Brevo takes them."""
    for person in people:
        if person.prior is not None:
            brevo.remember(person)
            time.sleep(1 / (RATE_SHARE * rps))


def status(program):
    code, out, err = harness.run_command("status", "--json", "--config", program.config_file)
    assert code == 0, err
    return json.loads(out)


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


# ---- an outage

def go_away(brevo, outage_s):
    """Returns when it is over, and Brevo is back."""
    gateway_s = outage_s * GATEWAY_SHARE / 2
    brevo.ask("POST", "/sandbox/faults", {"fault": "status", "status": 502, "body": HTML,
                                          "content_type": "text/html", "count": -1})
    time.sleep(gateway_s)
    brevo.ask("DELETE", "/sandbox/faults")
    brevo.ask("POST", "/sandbox/faults", {"fault": "html_524", "count": -1})
    time.sleep(gateway_s)
    brevo.process.send_signal(signal.SIGUSR1)
    time.sleep(outage_s - 2 * gateway_s)
    brevo.process.send_signal(signal.SIGUSR2)
    wait_for(brevo)
    brevo.ask("DELETE", "/sandbox/faults")


def wait_for(brevo):
    def answers():
        try:
            return brevo.page("calls")
        except OSError:
            return None
    harness.wait_until(answers, "the sandbox to be back")


class Run:
    def __init__(self, arguments, scene):
        self.arguments, self.stage = arguments, scene
        self.calls = Calls(scene.brevo)
        self.samples = Samples(scene.program)
        self.began = self.away = self.back = self.level = 0
        self.pending = self.eta_s = self.usual = 0

    def tell(self, posts):
        """All posts, evenly."""
        span_s = self.arguments.before + self.arguments.outage + self.arguments.after
        self.began, began = time.time(), time.monotonic()
        for number, post in enumerate(posts):
            self.stage.sender.add(post, began + number * span_s / len(posts))

    def live(self):
        arguments, program = self.arguments, self.stage.program
        time.sleep(arguments.before)
        self.calls.read()
        self.usual = self.samples.usual(time.time() - arguments.before / 2)
        self.away = time.time()
        say(f"away: usual={self.usual} {line(self.speed(self.began, self.away))}")
        go_away(self.stage.brevo, arguments.outage)
        self.back = time.time()
        told = status(program)
        self.pending, self.eta_s = told["queue_pending"], told["backlog_eta_seconds"]
        say(f"back: pending={self.pending} delayed={told['queue_delayed']} eta_s={self.eta_s} "
            f"gauge={self.samples.taken[-1][2]} paused={told['brevo_paused']} "
            f"parked={told['queue_parked']}")
        self.drain()

    def drain(self):
        harness.wait_until(lambda: self.samples.taken[-1][1] <= self.usual,
                           "the queue to be as usual", PATIENCE_S, 1)
        self.level = time.time()
        self.calls.read()
        say(f"as usual after {self.level - self.back:.0f} s, predicted {self.eta_s}: "
            f"{(self.level - self.back) / max(self.eta_s, 1):.2f}")

    def speed(self, begin, end):
        """Of each class: calls a second, and the part of them that was 429."""
        calls = self.calls.between(begin, end)
        count = collections.Counter(kind for _, kind, _ in calls)
        return {kind: number / (end - begin) for kind, number in sorted(count.items())} | {
            "429s": sum(code == 429 for *_, code in calls) / max(len(calls), 1)}

    def by_the_minute(self):
        begin = self.back
        while begin < self.level:
            end = min(begin + 60, self.level)
            waiting = next((p for at, p, _ in self.samples.taken if at >= begin), 0)
            eta_s = next((e for at, _, e in self.samples.taken if at >= begin), 0)
            yield (f"minute {(begin - self.back) / 60:.0f}: pending={waiting} eta_s={eta_s} "
                   f"{line(self.speed(begin, end))}")
            begin = end

    def lines(self):
        yield from self.by_the_minute()
        old = sorted(at - self.back for at, received in deliveries(self.stage.program.log())
                     if received < self.back <= at)
        half, most, nearly = (old[len(old) * part // 100] for part in (50, 95, 99))
        yield (f"of {len(old)} events received before: half after {half:.0f} s, 95 % {most:.0f} s, "
               f"99 % {nearly:.0f} s, the last {old[-1]:.0f} s")
        for what, end in (("95 %", self.back + most), ("as usual", self.level)):
            yield f"until {what}: {self.use(end)}"

    def use(self, end):
        """Of what is allowed, by the class that is asked most in each few seconds."""
        allowed = RATE_SHARE * self.arguments.rps
        calls = self.calls.between(self.back, end)
        windows = collections.Counter((int((at - self.back) / WINDOW_S), kind)
                                      for at, kind, _ in calls)
        count = int((end - self.back) / WINDOW_S)
        most = sum(max(windows[number, kind] for kind in LIMITED) for number in range(count))
        return (f"{line(self.speed(self.back, end))} allowed={allowed} "
                f"use={most / (count * WINDOW_S * allowed):.1%}")


def line(speed):
    return " ".join(f"{name}={value:.3f}" for name, value in speed.items())


def allow_either_end(expected):
    """Of a call: that its last task told, or itself, though it told before. Its record may have
    been a probe, which goes to the end of the queue. So which channel was used last, too."""
    for contact in expected:
        by_task = {judged.ticket.name: judged.call_ended() for judged in contact.tickets
                   if judged.ticket.channel == "voice"}
        for event in contact.events:
            if event.name == "CONVERSATION_ENDED" and event.ticket in by_task:
                event.choices = event.choices + by_task[event.ticket].choices
                contact.attributes["PREFERRED_CHANNEL"] = PERHAPS


def measure(arguments, home):
    tasks = round(arguments.pace * (arguments.before + arguments.outage + arguments.after))
    day = Day(arguments.seed, int(time.time() * 1000), max(tasks // TASKS_A_CUSTOMER, 20), tasks,
              SCENES)
    telling = Telling(day, delays_ms=AT_ONCE_MS)
    expected = expected_contacts(day)
    allow_either_end(expected)
    events = sum(len(contact.events) for contact in expected)
    say(f"tasks={day.task_count} posts={len(telling.posts)} events={events} "
        f"people={len(day.people)}")
    settle, join_wait = f"{arguments.settle}s", f"{2 * arguments.settle}s"
    pace = Pace(settle, plugin_wait=settle, join_wait=join_wait, patience_s=PATIENCE_S)
    with Busy(home, pace, arguments.rps) as scene:
        remember(scene.brevo, day.people, arguments.rps)
        run = Run(arguments, scene)
        run.calls.read()
        first = len(run.calls.all)
        run.tell(telling.posts)
        run.live()
        print(*run.lines(), sep="\n", flush=True)
        scene.sender.wait(PATIENCE_S)
        scene.drain()
        run.samples.stop()
        run.calls.read()
        calls = len(run.calls.all) - first
        copies = sum(telling.copies.values())
        happenings = sum(1 for _ in day.happenings())
        say(f"calls={calls}; of two for each: of Brevo's {events} events {calls / 2 / events:.3f}, "
            f"of {happenings} happenings {calls / 2 / happenings:.3f}, "
            f"of {copies} copies {calls / 2 / copies:.3f}")
        differences = compare(expected, scene.brevo.page("contacts"), scene.brevo.page("events"))
        differences += scene.brevo.page("violations")
        print(*(getattr(one, "text", one) for one in differences[:60]), sep="\n")
        say(f"differences={len(differences)} {scene.counts()}")
        return len(differences)


def read_arguments():
    parser = stand.parser(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--before", type=int, default=600, help="seconds")
    parser.add_argument("--outage", type=int, default=3600)
    parser.add_argument("--after", type=int, default=1500, help="how long telling goes on at least")
    parser.add_argument("--pace", type=float, default=TASKS_A_SECOND, help="tasks a second")
    parser.add_argument("--rps", type=int, default=10, help="that Brevo allows")
    parser.add_argument("--settle", type=int, default=60, help="seconds")
    parser.add_argument("--home", type=pathlib.Path, help="kept: configuration, logs (else removed)")
    return stand.read(parser)


def main(arguments):
    if arguments.home is not None:
        arguments.home.mkdir(parents=True)
        return measure(arguments, arguments.home)
    with tempfile.TemporaryDirectory(prefix="flexbrevo-bench-") as directory:
        return measure(arguments, pathlib.Path(directory))


if __name__ == "__main__":
    sys.exit(1 if main(read_arguments()) else 0)
