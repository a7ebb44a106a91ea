"""The page about the kit says which rules there are, and its examples are tests that pass."""

import re

from docs.write_rules import PAGE, RULES, with_rules


def test_the_page_has_the_rules_there_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_rules(text), "`make docs` writes the tables anew"
    for rules in RULES.values():
        for rule in rules:
            assert f"| `{rule.name}` | {rule.sentence} |" in text


def test_rules_are_named_once_and_say_one_sentence() -> None:
    for rules in RULES.values():
        assert len({rule.name for rule in rules}) == len(rules)
        assert all(re.fullmatch(r"[A-Z`].*\.", rule.sentence) for rule in rules)


def test_the_kits_in_the_page_are_tests() -> None:
    (code,) = re.findall(r"```python\n(from zoo\.testing import AdapterKit.*?)```", PAGE.read_text("utf-8"), re.S)  # fmt: skip
    scope: dict = {}
    exec(code, scope)
    for name in ("TestMine", "TestMyAdapter", "TestMyTask"):
        assert callable(scope[name].test_rule)
