"""The same in other words, slow and plain, for the tests to compare with."""

from itertools import combinations


def expected(numbers, difference):
    return sum(abs(one - other) == difference for one, other in combinations(numbers, 2))
