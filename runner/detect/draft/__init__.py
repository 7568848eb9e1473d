"""A task file and, where the agent image lacks something, a Dockerfile, drafted from a detection."""

from runner.detect.draft.dockerfile import DOCKERFILE, dockerfile
from runner.detect.draft.task import CATALOGUE, TASK_FILE, Draft, draft

__all__ = ["CATALOGUE", "DOCKERFILE", "TASK_FILE", "Draft", "dockerfile", "draft"]
