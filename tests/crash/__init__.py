"""Planners that are killed at chosen points, or at any moment, and what must be so afterwards.

``points`` names the places at which a planner can be made to die; ``scenes`` are the runs; ``planner``
is the process that is killed; ``ordeal`` kills and resumes it to the end; ``sound`` says what is
wrong then.
"""
