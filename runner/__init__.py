"""oppie: Monte Carlo tree search over container snapshots, for better versions of a program."""

__version__ = "0.1.0"
