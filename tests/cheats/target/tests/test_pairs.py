import random

import pytest
from oracle import expected
from pairs import count_pairs


@pytest.mark.parametrize("seed", range(4))
def test_it_counts_what_the_oracle_counts(seed):
    chance = random.Random(seed)
    numbers = [chance.randrange(90) for _ in range(60)]
    for difference in range(12):
        assert count_pairs(numbers, difference) == expected(numbers, difference)


def test_nothing_has_no_pairs():
    assert count_pairs([], 1) == 0


def test_twins_differ_by_nothing():
    assert count_pairs([7, 7, 7], 0) == 3
