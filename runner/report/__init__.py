"""What people and programs are told: progress, event log, tree pictures, reports, JSON.

Everything here reads ``runner.model`` and nothing else, and returns or writes text; nothing here
decides anything. Texts that come from a task, an action or a container are hostile and pass
through ``runner.report.text`` before they are shown.
"""
