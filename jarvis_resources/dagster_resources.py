"""What assets are handed by Dagster: the settings.

Everything else on the ground floor is imported and called; a resource is for what differs between a run, a test and a
server, and that is the settings alone.
"""

import dagster as dg

from jarvis_resources.settings import Settings, load_settings


class JarvisSettings(dg.ConfigurableResource[Settings]):
    """The owner's settings; ``home`` overrides JARVIS_HOME."""

    home: str = ""

    def load(self) -> Settings:
        """Settings from the environment and ``settings.toml``, their folders made."""
        return load_settings(home=self.home or None).prepare()
