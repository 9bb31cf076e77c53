"""The oracle: from the evidence of a run, what was kept and what was broken of the promise.

P1  every acknowledged event ends in exactly one of delivered, filtered, parked; in the right one
P2  nothing is delivered that was not sent
P3  contacts are, after all, as what got through makes them without any fault
P4  Brevo takes no event twice, but where its answer was hidden, or the worker killed meanwhile
P5  is a matter of time: see run.py, a fresh event passes soon after the faults
P6  accepted = delivered + filtered + parked + dropped + pending in every snapshot
P7  each end of a task, of all that are settled, is counted once in its queue
"""

import collections
import dataclasses

ENDS = ("delivered", "filtered", "parked")
PARTS = ("delivered", "filtered", "parked", "dropped", "pending")


@dataclasses.dataclass
class Evidence:
    workload: object
    records: dict               # record key: state
    receipts: list              # brevo_weather.Receipt
    cuts: list                  # times when a worker or Brevo ended, calls under way or not
    samples: list               # /metrics
    discarded: list             # posts Twilio threw away
    deaths: list                # processes that ended by themselves
    violations: list            # what Brevo was sent and cannot have been meant
    contacts: dict
    clean_contacts: dict        # None: not compared


@dataclasses.dataclass
class Verdict:
    counts: collections.Counter
    breaches: list

    def add(self, breaches, counter):
        breaches = list(breaches)
        self.counts[counter] += len(breaches)
        self.breaches += breaches


def judge(evidence):
    verdict = Verdict(collections.Counter(), [])
    verdict.counts["events"] = evidence.workload.event_count()
    verdict.add(ends(evidence, verdict.counts), "lost")
    verdict.add(invented(evidence), "invented")
    verdict.add(changed_contacts(evidence), "contacts changed")
    verdict.add(doubled(evidence, verdict.counts), "doubled without reason")
    verdict.add(unaccounted(evidence, verdict.counts), "unaccounted")
    verdict.add(miscounted(evidence, verdict.counts), "miscounted")
    verdict.add((f"P1: {post.caller} was answered {post.statuses[-1]}, and threw away "
                 f"{' '.join(post.records)}" for post in evidence.discarded), "thrown away")
    verdict.add(evidence.deaths, "deaths")
    verdict.add((f"Brevo: {text}" for text in evidence.violations), "violations")
    return verdict


def state_of(record, records):
    """A record key that ends in "/" begins the key of one record."""
    if not record.endswith("/"):
        return records.get(record)
    return next((state for key, state in records.items() if key.startswith(record)), None)


def ends(evidence, counts):
    """P1. Counts how acknowledged records ended."""
    taken = {receipt.effect for receipt in evidence.receipts}
    acknowledged = {record for post in evidence.workload.posts if post.acknowledged
                    for record in (*post.records, *post.derived)}
    counts["acknowledged"] = len(acknowledged)
    for record in sorted(acknowledged):
        state = state_of(record, evidence.records)
        fate = evidence.workload.fates[record]
        counts[state if state in ENDS else "open"] += 1
        if state not in ENDS:
            yield f"P1: {record} was acknowledged and is {state or 'nowhere'}"
        elif isinstance(fate, tuple) and fate not in taken:
            yield f"P1: {record} is {state}, and Brevo never took {fate[0]}"
        elif fate in ENDS and state != fate:
            yield f"P1: {record} is {state}, not {fate}"


def invented(evidence):
    """P2."""
    told = {fate for fate in evidence.workload.fates.values() if isinstance(fate, tuple)}
    for effect in sorted({receipt.effect for receipt in evidence.receipts} - told, key=str):
        yield f"P2: Brevo took {effect}, of which Twilio never told"


def changed_contacts(evidence):
    """P3. A contact may be missing when nobody acknowledged anything about it."""
    if evidence.clean_contacts is None:
        return
    for email, contact in sorted(evidence.contacts.items()):
        clean = evidence.clean_contacts.get(email)
        if contact != clean:
            yield f"P3: a contact is {contact}, and without faults {clean}"


def doubled(evidence, counts):
    """P4. Counts doubles, each with a reason, or yields it."""
    by_effect = collections.defaultdict(list)
    for receipt in evidence.receipts:
        by_effect[receipt.effect].append(receipt)
    for effect, receipts in by_effect.items():
        receipts.sort(key=lambda receipt: receipt.began)
        for first, second in zip(receipts, receipts[1:]):
            if first.hidden:
                counts["doubled, answer hidden"] += 1
            elif any(first.began <= cut <= second.began for cut in evidence.cuts):
                counts["doubled, worker killed"] += 1
            else:
                yield f"P4: Brevo took {effect} twice, and had said so the first time"
    counts["answers hidden"] = sum(receipt.hidden for receipt in evidence.receipts)
    counts["taken by Brevo"] = len(evidence.receipts)


def unaccounted(evidence, counts):
    """P6."""
    counts["snapshots"] = len(evidence.samples)
    for sample in evidence.samples:
        parts = sum(sample.get(f"flexbrevo_queue_{part}", 0) for part in PARTS)
        accepted = sample.get("flexbrevo_queue_accepted", 0)
        if accepted != parts or sample.get("flexbrevo_unaccounted_events", 0) != 0:
            yield f"P6: accepted {accepted}, and all together {parts}"


def miscounted(evidence, counts):
    """P7. What is not settled may have been judged before; surveys are none of a queue's."""
    surveys = {key.split("/")[1] for key in evidence.workload.fates
               if key.endswith("/default/task.canceled")}
    ends = collections.Counter(
        state for key, state in evidence.records.items()
        if key.startswith(("task.completed/WT", "task.canceled/WT"))
        and key.partition("/")[2] not in surveys)
    settled = ends["delivered"] + ends["filtered"]
    last = evidence.samples[-1] if evidence.samples else {}
    counted = sum(value for name, value in last.items()
                  if name.startswith("flexbrevo_queue_tasks_total"))
    counts["tasks counted"] = int(counted)
    if last.get("flexbrevo_queue_accepted") and \
            not settled <= counted <= sum(ends.values()):
        yield f"P7: {settled} ends of tasks are settled, and {counted:.0f} were counted"
