"""Every built-in backbone, adapter and task keeps every rule, through the kits that others use."""

import pytest

from tests.plugins.nlp.conftest import save_tiny
from zoo.host import installed
from zoo.testing import AdapterKit, BackboneKit, TaskKit
from zoo.testing.subjects import AdapterSubject, BackboneSubject, TaskSubject

FEW = ("lora", "linear-probe")
# Of PEFT's many methods one a family here; tests/soak has them all.
ADAPTERS = [p.spec.name for p in installed().adapters if not p.spec.name.startswith("peft:")]
TASKS = [p.spec.name for p in installed().tasks]


class TestDigits(BackboneKit):
    backbone = "vision:digits"
    adapters = ADAPTERS


class TestTimmTransformer(BackboneKit):
    backbone = "timm:test_vit"
    adapters = FEW


class TestTimmConvNet(BackboneKit):
    backbone = "timm:test_resnet"
    adapters = FEW


class _Transformers(BackboneKit):
    kind: str

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> BackboneSubject:
        folder = save_tiny(tmp_path_factory.mktemp("kit") / cls.kind, cls.kind)
        return BackboneSubject(installed().backbone(f"hf:{folder}"), adapters=FEW)


class TestBert(_Transformers):
    kind = "bert"


class TestGpt2(_Transformers):
    kind = "gpt2"


@pytest.mark.parametrize("adapter", [*ADAPTERS, "peft:ia3"], scope="class")
class TestAdapters(AdapterKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, adapter: str) -> AdapterSubject:
        return AdapterSubject(installed().adapter(adapter))


@pytest.mark.parametrize("task", TASKS, scope="class")
class TestTasks(TaskKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, task: str) -> TaskSubject:
        return TaskSubject(installed().task(task), adapters=FEW)
