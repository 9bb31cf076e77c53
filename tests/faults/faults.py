"""The faults of a run: each has a begin, an end, and what it is done to.

plan() draws a few from a seed. A fault is data, so that a run can be told, and repeated.
"""

import dataclasses
import random

from brevo_weather import WEATHERS

FAULTS_MIN, FAULTS_MAX = 2, 6
LASTS_MAX_S = 1.6

# The steps of each half that a killed process may die at; the laboratory's tests take all of them.
SERVER_POINTS = ("request_came", "request_proven", "put_waits", "put_written", "redis_sent",
                 "redis_answered", "put_durable", "answer_given")
WORKER_POINTS = ("redis_sent", "redis_answered", "claimed", "split_due", "split", "telling_due",
                 "told", "effect_due", "effect_claimed", "call_due", "call_answered", "call_judged",
                 "counted", "meeting_due", "met", "settle_due", "settled", "folded")
# These are passed by an event of a customer who is two contacts: the tests have some, a run has none.
HEIR_POINTS = ("turn_due", "turned")


@dataclasses.dataclass(frozen=True)
class Fault:
    kind: str
    target: str
    at_s: float
    lasts_s: float
    detail: object = None

    def __str__(self):
        detail = f" {self.detail}" if self.detail is not None else ""
        return f"{self.at_s:.2f}s {self.kind} {self.target}{detail} for {self.lasts_s:.2f}s"

    def begin(self, lab):
        KINDS[self.kind].begin(lab, self)

    def end(self, lab):
        KINDS[self.kind].end(lab, self)


@dataclasses.dataclass(frozen=True)
class Kind:
    targets: tuple
    begin: object
    end: object
    detail: object = lambda choose, target: None


def proxy_of(lab, fault):
    return lab.proxies[fault.target]


def heal_proxy(lab, fault):
    proxy_of(lab, fault).heal()


def direction(choose, target):
    return choose.choice(("up", "down"))


def crash_detail(choose, target):
    points = SERVER_POINTS if target == "server" else WORKER_POINTS
    return f"{choose.choice(points)}:{choose.randint(1, 30)}"


def cut(lab, fault):
    proxy_of(lab, fault).cut(*fault.detail)


def turn(lab, fault):
    lab.sandbox.turn(*fault.detail)


PROGRAMS = ("server", "worker", "worker2")
NETWORKS = ("server", "worker")
KINDS = {
    "kill": Kind(("redis", *PROGRAMS), lambda lab, f: lab.kill(f.target),
                 lambda lab, f: lab.revive(f.target)),
    "freeze": Kind(("redis", *PROGRAMS), lambda lab, f: lab.freeze(f.target),
                   lambda lab, f: lab.thaw(f.target)),
    "terminate": Kind(PROGRAMS, lambda lab, f: lab.terminate(f.target),
                      lambda lab, f: lab.revive(f.target)),
    "crash at": Kind(PROGRAMS, lambda lab, f: lab.crash(f.target, f.detail),
                     lambda lab, f: lab.revive(f.target), crash_detail),
    "hang": Kind(NETWORKS, lambda lab, f: proxy_of(lab, f).hang(f.detail), heal_proxy, direction),
    "delay": Kind(NETWORKS, lambda lab, f: proxy_of(lab, f).delay(*f.detail), heal_proxy,
                  lambda choose, target: (direction(choose, target), choose.uniform(0.01, 0.4))),
    "cut": Kind(NETWORKS, cut, heal_proxy,
                lambda choose, target: (direction(choose, target), choose.randint(0, 4000))),
    "reset": Kind(NETWORKS, lambda lab, f: proxy_of(lab, f).reset(), heal_proxy),
    "refuse": Kind(NETWORKS, lambda lab, f: (proxy_of(lab, f).refuse(), proxy_of(lab, f).reset()),
                   heal_proxy),
    "weather": Kind(("brevo",), turn, lambda lab, f: lab.sandbox.clear(),
                    lambda choose, target: (choose.choice(sorted(WEATHERS)),
                                            round(choose.uniform(0.2, 1.0), 2))),
    "away": Kind(("brevo",), lambda lab, f: lab.brevo_away(), lambda lab, f: lab.brevo_back()),
}
# How often, relative to each other.
WEIGHTS = {"kill": 6, "freeze": 4, "terminate": 2, "crash at": 5, "hang": 3, "delay": 2, "cut": 4,
           "reset": 3, "refuse": 2, "weather": 8, "away": 2}


def plan(seed, workers, span_s):
    choose = random.Random(f"{seed} faults")
    absent = {"worker2"} if workers < 2 else set()
    faults = []
    for _ in range(choose.randint(FAULTS_MIN, FAULTS_MAX)):
        kind = choose.choices(list(WEIGHTS), WEIGHTS.values())[0]
        target = choose.choice([t for t in KINDS[kind].targets if t not in absent])
        faults.append(Fault(kind, target, choose.uniform(0, span_s),
                            choose.uniform(0.05, LASTS_MAX_S),
                            KINDS[kind].detail(choose, target)))
    return sorted(faults, key=lambda fault: fault.at_s)


def timeline(faults):
    """(time, what happens), in order."""
    happenings = []
    for fault in faults:
        happenings.append((fault.at_s, fault.begin))
        happenings.append((fault.at_s + fault.lasts_s, fault.end))
    return sorted(happenings, key=lambda happening: happening[0])
