"""What can change code: a catalogue of patches and scripts, and commands."""
