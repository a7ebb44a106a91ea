"""Every adapter that is installed, all of PEFT's methods among them, keeps every rule."""

import pytest

from zoo.host import installed
from zoo.testing import ADAPTER_RULES
from zoo.testing.subjects import AdapterSubject

WIDE = ["nlp:minilm"]  # some methods need more columns than the reference backbones have


@pytest.mark.soak
@pytest.mark.parametrize("name", [p.spec.name for p in installed().adapters])
def test_an_adapter_keeps_every_rule(name: str) -> None:
    provided = installed().adapter(name)
    verdicts = judge(AdapterSubject(provided))
    if verdicts["attaches"].status == "failed":
        verdicts = judge(AdapterSubject(provided, backbones=WIDE))
    if verdicts["attaches"].status == "failed":
        pytest.skip(verdicts["attaches"].reason)
    assert {rule: v.reason for rule, v in verdicts.items() if v.status == "failed"} == {}


def judge(subject: AdapterSubject) -> dict:
    return {rule.name: subject.verdict(rule) for rule in ADAPTER_RULES}
