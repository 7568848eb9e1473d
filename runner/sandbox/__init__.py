"""The engine: containers, snapshots, limits, log streams, failure classification, reaper."""
