"""Real agents' programs, at work in real containers, with a scripted model behind the real gateway."""
