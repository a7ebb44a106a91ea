"""A rule: one small function with a name, a sentence, and a verdict on whatever it is asked of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from zoo.errors import ZooError
from zoo.host.raised import Raised
from zoo.host.streams import stdout_to_stderr

Status = Literal["passed", "failed", "skipped"]
S = TypeVar("S", bound="Subject")


class Broken(AssertionError):
    """A rule is broken; the message says how, and what would mend it."""


class NotApplicable(Exception):
    """A rule has nothing to say of a subject; the message says why."""


@dataclass(frozen=True)
class Verdict:
    """What a rule found.

    Attributes:
        subject: of what, e.g. ``backbone vision:digits``.
        rule: its name.
        sentence: what it demands.
        status: ``skipped`` where it does not apply.
        reason: why it failed or does not apply; a remark where it passed.
        seconds: how long that took.
    """

    subject: str
    rule: str
    sentence: str
    status: Status
    reason: str
    seconds: float


class Subject:
    """What rules are asked of; remembers the verdicts on itself.

    Attributes:
        title: how verdicts call it.
    """

    title: str = ""

    def __init__(self) -> None:
        self._verdicts: dict[str, Verdict] = {}

    def verdict(self, rule: Rule[Any]) -> Verdict:
        """The verdict of ``rule``, found once."""
        if rule.name not in self._verdicts:
            self._verdicts[rule.name] = rule.judge(self)
        return self._verdicts[rule.name]


@dataclass(frozen=True, eq=False)
class Rule(Generic[S]):
    """One demand on a plugin.

    Attributes:
        name: of the function.
        sentence: what it demands.
        test: raises :class:`Broken` or :class:`NotApplicable`, or returns a remark.
        needs: rules without which this one would only repeat what they say.
    """

    name: str
    sentence: str
    test: Callable[[S], str | None]
    needs: tuple[Rule[Any], ...] = ()

    def hold(self, subject: S) -> str:
        """Ask the rule, for a test: what goes wrong is raised as it is.

        Raises:
            Broken: the subject breaks it.
            NotApplicable: it has nothing to say here.
        """
        for need in self.needs:
            if subject.verdict(need).status != "passed":
                raise NotApplicable(f"first comes {need.name}")
        return self.test(subject) or ""

    def judge(self, subject: S) -> Verdict:
        """Ask the rule, for a list of verdicts: nothing is raised, whatever the plugin does."""
        start = time.perf_counter()
        status: Status
        try:
            with stdout_to_stderr():
                status, reason = "passed", self.hold(subject)
        except Broken as err:
            status, reason = "failed", str(err)
        except NotApplicable as err:
            status, reason = "skipped", str(err)
        except ZooError as err:
            status, reason = "failed", err.message
        except KeyboardInterrupt:
            raise
        except BaseException as err:  # compiled extensions raise such, and others exit
            status, reason = "failed", str(Raised(err))
        seconds = time.perf_counter() - start
        return Verdict(subject.title, self.name, self.sentence, status, reason, seconds)


def rule(
    sentence: str, *, needs: Sequence[Rule[Any]] = ()
) -> Callable[[Callable[[S], str | None]], Rule[S]]:
    """Make a function that tests a subject a :class:`Rule`."""

    def make(test: Callable[[S], str | None]) -> Rule[S]:
        return Rule(test.__name__, sentence, test, tuple(needs))

    return make


def require(condition: object, reason: str) -> None:
    """Raise :class:`Broken` with ``reason`` unless ``condition`` is true."""
    if not condition:
        raise Broken(reason)


def some(names: Sequence[str], limit: int = 3) -> str:
    """A few of ``names``, and how many more there are."""
    rest = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {rest} more" if rest > 0 else "")
