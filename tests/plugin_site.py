"""Plugins for tests: modules with the metadata of an installed distribution, in a folder on sys.path."""

import textwrap
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

from zoo.host import GROUP, Host

HEADER = "from zoo.plugin import AdapterSpec, BackboneSpec, TaskSpec, hookimpl\n"


class PluginSite:
    """A folder that Python takes for site-packages."""

    def __init__(self, folder: Path):
        self.folder = folder

    def add(self, distribution: str, hooks: str, *, name: str = "", version: str = "1.0") -> None:
        """Install ``distribution`` with one plugin whose hook module has the source ``hooks``."""
        module = distribution.replace("-", "_")
        source = HEADER + textwrap.dedent(hooks)
        (self.folder / f"{module}.py").write_text(source, encoding="utf-8")
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(
            f"[{GROUP}]\n{name or distribution} = {module}\n", encoding="utf-8"
        )

    def points(self) -> list[EntryPoint]:
        """The entry points of this folder alone."""
        found = distributions(path=[str(self.folder)])
        return [point for d in found for point in d.entry_points if point.group == GROUP]

    def host(self) -> Host:
        """A host over this folder alone."""
        return Host(self.points())
