"""What the engine raises."""


class HeliosError(Exception):
    """Base of everything that the engine raises on purpose."""


class PathError(HeliosError):
    """A path that the engine doesn't accept, or that clashes with another one."""


class ObjectMissing(HeliosError):
    """An object, or a commit, that the store doesn't hold."""


class CorruptObject(HeliosError):
    """What is on disk isn't what was written."""
