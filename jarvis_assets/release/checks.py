"""Checks of the release: what is published is whole and answers."""

import dagster as dg

from jarvis_resources import releases
from jarvis_resources.dagster_resources import JarvisSettings


@dg.asset_check(asset="serving_release", description="The published release is whole: every file has its checksum.")
def published_release_is_whole(jarvis: JarvisSettings) -> dg.AssetCheckResult:
    """Reads every file of the latest release again and compares it with the manifest."""
    release = releases.latest(jarvis.load().releases)
    releases.verify(release)
    return dg.AssetCheckResult(passed=True, metadata={"release": release.name})
