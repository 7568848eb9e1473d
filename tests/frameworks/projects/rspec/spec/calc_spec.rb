RSpec.describe Calc do
  it "adds" do
    expect(Calc.add(2, 3)).to eq(5)
  end

  it %q(says <"é"> & more) do
    expect(true).to be(true)
  end

  xit "divides" do
    raise "not written yet"
  end
end
