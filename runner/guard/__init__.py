"""A filter before the engine's socket that lets through the calls that oppie makes, and no other."""
