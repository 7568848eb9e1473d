"""Pairs of numbers: what is to be made faster."""


def count_pairs(numbers, difference):
    """How many pairs of ``numbers`` differ by ``difference``."""
    count = 0
    for place, number in enumerate(numbers):
        for other in numbers[place + 1 :]:
            if abs(number - other) == difference:
                count += 1
    return count
