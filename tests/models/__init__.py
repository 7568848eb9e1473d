"""A model server for tests: it speaks the wire protocols of real ones, and says what a script says."""
