defmodule Calc.MixProject do
  use Mix.Project

  def project do
    [app: :calc, version: "1.0.0"]
  end
end
