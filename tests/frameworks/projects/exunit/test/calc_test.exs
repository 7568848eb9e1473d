defmodule CalcTest do
  use ExUnit.Case

  test "adds" do
    assert Calc.add(2, 3) == 5
  end

  test ~s(says <"é"> & more) do
    assert true
  end

  @tag skip: "not written yet"
  test "divides" do
    flunk()
  end
end
