import unittest

from calc import add


class CalcTest(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(add(2, 3), 5)

    def test_says(self):
        """Says <"é"> & more."""
        for word in ("plain", '<"é"> & more'):
            with self.subTest(word):
                self.assertTrue(word)

    @unittest.skip("not written yet")
    def test_divides(self):
        raise AssertionError


if __name__ == "__main__":
    unittest.main()
