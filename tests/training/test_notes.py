"""What is remarked on a fit: options that have no part in it are named, and why."""

import pytest

from tests.adapters.matrix import composed
from zoo.model import load_backbone
from zoo.training.config import FitConfig
from zoo.training.notes import of_idle_options


@pytest.mark.parametrize(
    ("backbone", "adapter", "given", "told"),
    [
        (
            "digits",
            "linear-probe",
            {"lr": 0.1, "augment": "mild", "precision": "bf16"},
            [
                "augment, lr: without effect, for linear-probe solves for its head and takes no steps."
            ],
        ),
        ("digits", "linear-probe", {}, []),
        ("digits", "finetune", {"lr": 0.1, "augment": "mild", "views": 2}, []),
        ("minilm", "finetune", {}, []),
        (
            "minilm",
            "finetune",
            {"augment": "mild", "lr": 0.1},
            ["augment: without effect, for only images are changed in training."],
        ),
    ],
)
def test_what_was_asked_in_vain(backbone, adapter, given, told):
    model = composed(adapter, load_backbone(backbone))
    own = {**model.adapter.spec.training, **model.adapter.training(model.backbone)}
    assert of_idle_options(model, FitConfig.resolve(own, given)) == told
