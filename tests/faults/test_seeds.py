"""A few seeded runs; `tests/faults/run` makes as many as there is time for.

FLEXBREVO_SEED is the first seed: a failed run prints its own, and the command that repeats it.
"""

import os

import pytest

from faults import plan
from seeded import run, workers_of
from workload import Workload

RUNS = 3
FIRST = int(os.environ["FLEXBREVO_SEED"])        # see conftest.py


@pytest.mark.parametrize("seed", range(FIRST, FIRST + RUNS))
def test_faults_lose_invent_and_double_nothing(tmp_path, seed):
    faults = plan(seed, workers_of(seed), Workload(seed).span_s)
    print("again: tests/faults/run --runs 1 --seed", seed)
    print("\n".join(map(str, faults)))
    verdict = run(seed, tmp_path)
    assert verdict.breaches == []
    assert verdict.counts["acknowledged"] > 0


def test_a_seed_is_one_story():
    one, again, other = (Workload(seed) for seed in (7, 7, 8))
    assert one.fates == again.fates and one.fates != other.fates
    assert [post.due_s for post in one.posts] == [post.due_s for post in again.posts]
    assert plan(7, 2, 2.5) == plan(7, 2, 2.5) != plan(8, 2, 2.5)
