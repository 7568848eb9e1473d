"""Real test frameworks: images that hold them, and a tiny project for each."""
