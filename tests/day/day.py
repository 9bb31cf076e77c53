"""One generated day, told to the program and compared with the model."""

import collections
import dataclasses
import pathlib
import tempfile
import time

from compare import PARTS, Difference, compare, story
from model import expected_contacts
from scenes import SCENES
from stage import Pace, Stage
from story import Day
from telling import Telling

CALLS_PER_EVENT = 2             # a contact and an event for each: what a simple connector makes


@dataclasses.dataclass
class Report:
    day: Day
    telling: Telling
    differences: list
    calls: dict                 # "POST /events": how many
    described: int              # calls held against the description of Brevo's API
    counts: dict                # what became of records
    told_s: float
    drained_s: float
    slowest_s: float

    def lines(self):
        happenings = sum(1 for _ in self.day.happenings())
        copies = sum(self.telling.copies.values())
        calls = sum(self.calls.values())
        yield (f"people={len(self.day.people)} tickets={sum(1 for _ in self.day.tickets())} "
               f"tasks={self.day.task_count}")
        yield f"happenings={happenings} copies={copies} posts={len(self.telling.posts)}"
        yield (f"told in {self.told_s:.0f} s, settled {self.drained_s:.0f} s later; "
               f"at the slowest read after {self.slowest_s:.0f} s")
        yield from (f"  {what}: {count}" for what, count in sorted(self.counts.items()))
        yield from (f"  {endpoint}: {count}" for endpoint, count in sorted(self.calls.items()))
        yield (f"calls={calls} for each happening={calls / happenings:.2f} "
               f"of two for each={calls / (CALLS_PER_EVENT * happenings):.2f} "
               f"of two for each copy={calls / (CALLS_PER_EVENT * copies):.2f} "
               f"of two for each that Brevo is told="
               f"{calls / (CALLS_PER_EVENT * self.calls['POST /events']):.2f}")
        yield f"held against the description of Brevo's API: {self.described or 'no call'}"

    def stories(self, most=20):
        """Differences, contact by contact, and what each contact's day was like."""
        by_contact = collections.defaultdict(list)
        for difference in self.differences:
            by_contact[id(difference.contact)].append(difference)
        for differences in list(by_contact.values())[:most]:
            yield from (difference.text for difference in differences)
            if differences[0].contact is not None:
                yield from ("    " + text
                            for text in story(differences[0].contact, self.telling))


def run(seed, customers, tasks, directory=None, now_ms=None, pace=None, parts=PARTS,
        scenes=SCENES, in_any_order=False, overwrites=False):
    """A Report."""
    day = Day(seed, now_ms or int(time.time() * 1000), customers, tasks, scenes, overwrites)
    expected = expected_contacts(day)
    telling = Telling(day, in_any_order)
    with tempfile.TemporaryDirectory(prefix="fb") as own:
        with Stage(pathlib.Path(directory or own), pace or Pace(),
                   overwrites=overwrites) as stage:
            for person in day.people:
                if person.prior is not None:
                    stage.brevo.remember(person)
            before = collections.Counter(stage.brevo.page("calls"))
            told_s = stage.tell(telling.posts, in_any_order)
            drained_s = stage.drain()
            calls = collections.Counter(stage.brevo.page("calls")) - before
            differences = compare(
                expected, stage.brevo.page("contacts"), stage.brevo.page("events"), parts)
            return Report(day, telling, differences + violations(stage), calls,
                          stage.brevo.page("described"), stage.counts(), told_s, drained_s,
                          stage.slowest_s)


def violations(stage):
    return [Difference("Brevo: " + text) for text in stage.brevo.page("violations")]
