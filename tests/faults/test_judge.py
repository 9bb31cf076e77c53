"""The judge finds what it is there to find: each broken promise once, and nothing in a kept one."""

import dataclasses

import pytest

from brevo_weather import Receipt
from judge import Evidence, judge
from workload import RESOLVED, Post

EFFECT = (RESOLVED, "WT1")
COUNTED = 'flexbrevo_queue_tasks_total{queue="Billing",outcome="handled"}'


@dataclasses.dataclass
class Story:
    """One task, one anonymous caller, one piece of junk; all acknowledged."""

    fates: dict = dataclasses.field(default_factory=lambda: {
        "task.completed/WT1": EFFECT, "task.created/WT2": "filtered", "raw/x": "parked"})

    @property
    def posts(self):
        return [Post("stream", None, (record,), acknowledged=True) for record in self.fates]

    def event_count(self):
        return len(self.fates)


def kept(**changes):
    gauges = {"accepted": 3, "delivered": 1, "filtered": 1, "parked": 1, "dropped": 0, "pending": 0}
    evidence = Evidence(
        workload=Story(),
        records={"task.completed/WT1": "delivered", "task.created/WT2": "filtered",
                 "raw/x": "parked"},
        receipts=[Receipt(EFFECT, 10.0, False)], cuts=[],
        samples=[{"flexbrevo_queue_" + name: value for name, value in gauges.items()}
                 | {COUNTED: 1}],
        discarded=[], deaths=[], violations=[], contacts={"a": 1}, clean_contacts={"a": 1, "b": 1})
    return dataclasses.replace(evidence, **changes)


def records(**changes):
    return kept().records | changes


def test_a_kept_promise_has_no_breach():
    verdict = judge(kept())
    assert verdict.breaches == []
    assert verdict.counts["acknowledged"] == 3
    assert [verdict.counts[end] for end in ("delivered", "filtered", "parked")] == [1, 1, 1]


@pytest.mark.parametrize("property_, changes", [
    ("P1", {"records": {"task.completed/WT1": "delivered", "raw/x": "parked"}}),
    ("P1", {"records": records(**{"task.completed/WT1": "pending"})}),
    ("P1", {"records": records(**{"task.created/WT2": "delivered"})}),
    ("P1", {"records": records(**{"raw/x": "filtered"})}),
    ("P1", {"receipts": []}),
    ("P1", {"discarded": [Post("stream", None, ("task.completed/WT1",), statuses=[403])]}),
    ("P2", {"receipts": [Receipt(EFFECT, 1, False), Receipt((RESOLVED, "WT9"), 1, False)]}),
    ("P3", {"contacts": {"a": 2}}),
    ("P3", {"contacts": {"c": 1}}),
    ("P4", {"receipts": [Receipt(EFFECT, 1, False), Receipt(EFFECT, 2, False)]}),
    ("P4", {"receipts": [Receipt(EFFECT, 1, False), Receipt(EFFECT, 2, False)], "cuts": [0.5, 3]}),
    ("P4", {"receipts": [Receipt(EFFECT, 1, True), Receipt(EFFECT, 2, False),
                         Receipt(EFFECT, 3, False)]}),
    ("P6", {"samples": [{"flexbrevo_queue_accepted": 3, "flexbrevo_queue_pending": 2, COUNTED: 1}]}),
    ("P6", {"samples": [{"flexbrevo_unaccounted_events": 1}]}),
    ("P7", {"samples": [kept().samples[0] | {COUNTED: 2}]}),
    ("P7", {"samples": [kept().samples[0] | {COUNTED: 0}]}),
    ("server ended", {"deaths": ["server ended by itself with -11"]}),
    ("Brevo", {"violations": ["forceMerge was sent"]}),
])
def test_a_broken_promise_is_one_breach(property_, changes):
    breach, = judge(kept(**changes)).breaches
    assert breach.startswith(property_)


@pytest.mark.parametrize("changes, reason", [
    ({"receipts": [Receipt(EFFECT, 1, True), Receipt(EFFECT, 2, False)]}, "answer hidden"),
    ({"receipts": [Receipt(EFFECT, 1, False), Receipt(EFFECT, 2, False)], "cuts": [1.5]},
     "worker killed"),
])
def test_a_double_with_a_reason_is_counted(changes, reason):
    verdict = judge(kept(**changes))
    assert verdict.breaches == []
    assert verdict.counts["doubled, " + reason] == 1
