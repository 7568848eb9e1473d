require "minitest/autorun"
require "calc"

class TestCalc < Minitest::Test
  def test_adds
    assert_equal 5, Calc.add(2, 3)
  end

  def test_says
    puts %q(<"é"> & more)
  end

  def test_divides
    skip "not written yet"
  end
end
