"""What is known of each plugin, and of each thing that one provides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from zoo.specs import Spec

Status = Literal["ok", "broken", "skipped", "disabled"]
S = TypeVar("S", bound=Spec)


@dataclass
class PluginRecord:
    """One entry point: where it comes from, whether it works, and if not, why.

    Attributes:
        name: of the entry point.
        distribution: the package that pip knows.
        version: of the distribution.
        status: ``broken``; ``skipped`` where it was made for another plugin API; ``disabled`` by
            the user.
        reason: why it is not ok.
        remedy: what would help.
        module: what the entry point names.
        load_seconds: how long importing that took.
        provides: names of specs, and open namespaces as ``namespace:*``.
        warnings: what of the plugin API it uses that will go.
    """

    name: str
    distribution: str
    version: str
    status: Status = "ok"
    reason: str = ""
    remedy: str = ""
    module: str = ""
    load_seconds: float = 0.0
    provides: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """``distribution version (plugin name)``, as errors print it."""
        return f"{self.distribution} {self.version} (plugin {self.name!r})"

    @property
    def needs_mending(self) -> bool:
        """Whether it was to be used and cannot be."""
        return self.status in ("broken", "skipped")

    @property
    def excuse(self) -> str:
        """Why it may have what was asked for and did not say so; empty where it was asked."""
        if self.needs_mending:
            reason = self.reason.strip().partition("\n")[0][:200]
            return f"{self.origin} is {self.status} and may provide it: {reason}"
        if self.status == "disabled":
            return f"{self.origin} is disabled {self.reason} and may provide it."
        return ""

    def break_with(self, reason: str, remedy: str = "") -> None:
        """Mark the plugin broken; the first reason is the one that is kept."""
        self.end_as("broken", reason, remedy)

    def end_as(self, status: Status, reason: str, remedy: str = "") -> None:
        """Say why the plugin is not ok; the first reason is the one that is kept."""
        if self.status == "ok":
            self.status, self.reason = status, reason
            self.remedy = remedy or (
                f"Upgrade it, or `zoo plugin uninstall {self.distribution}`, "
                f"or set ZOO_DISABLE_PLUGINS={self.name}."
            )


@dataclass(frozen=True, slots=True)
class Provided(Generic[S]):
    """A spec and the plugin it came from."""

    spec: S
    plugin: PluginRecord
