"""The names of the images, and what they may be made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BASE = "oppie/base:1"  # the number goes up when images/packages.txt or images/base.sh change
AGENT = "oppie/agent:latest"
PLANNER = "oppie/planner:latest"  # compose.yaml builds it
BASE_CHANGES = (
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    'LABEL org.opencontainers.image.title="oppie base"',
    'CMD ["bash"]',
)


@dataclass(frozen=True, slots=True)
class Sources:
    """What may be used to make images.

    ``base_tar`` is a root file system, or an archive that ``docker save`` wrote. ``registry_image``
    is what to ask a registry for ("" asks none). ``ca_bundle`` is a PEM file that builds shall
    trust. ``proxies`` are build arguments such as ``http_proxy``.
    """

    base_tar: Path | None = None
    registry_image: str = "debian:12-slim"
    registry_timeout_s: float = 5.0
    ca_bundle: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
