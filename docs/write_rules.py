"""Writes the tables of rules into ``docs/testing.md`` from the conformance kit itself.

``make docs`` runs this; a test compares the page with what it would write.
"""

import re
from pathlib import Path

from zoo.testing import (
    ADAPTER_RULES,
    ALIGNMENT_RULES,
    BACKBONE_RULES,
    PLUGIN_RULES,
    RANKER_RULES,
    TASK_RULES,
    VALIDATOR_RULES,
)

PAGE = Path(__file__).with_name("testing.md")
RULES = {
    "plugin": PLUGIN_RULES,
    "backbone": BACKBONE_RULES,
    "adapter": ADAPTER_RULES,
    "task": TASK_RULES,
    "ranker": RANKER_RULES,
    "alignment": ALIGNMENT_RULES,
    "validator": VALIDATOR_RULES,
}


def main() -> None:
    PAGE.write_text(with_rules(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_rules(text: str) -> str:
    """The page with its tables written anew."""
    for kind, rules in RULES.items():
        start, end = f"<!-- rules of {kind}s: written by `make docs` -->", "<!-- end of rules -->"
        rows = ["| rule | what it demands |", "|---|---|"]
        rows += [f"| `{rule.name}` | {rule.sentence} |" for rule in rules]
        table = "\n".join(rows)
        text = re.sub(
            f"{re.escape(start)}.*?{re.escape(end)}",
            lambda _, s=start, t=table, e=end: f"{s}\n\n{t}\n\n{e}",
            text,
            count=1,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    main()
