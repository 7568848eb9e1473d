"""One reconciler: it compares what the journal knows with what is there, and decides for every object
that carries our labels whether it is adopted, reset, killed, kept, or somebody else's."""

from runner.reconcile.carry_out import Done, Door, carry_out, settle
from runner.reconcile.decide import decide
from runner.reconcile.found import Found, look
from runner.reconcile.ruling import Fate, Ruling, Thing

__all__ = ["Done", "Door", "Fate", "Found", "Ruling", "Thing", "carry_out", "decide", "look", "settle"]
