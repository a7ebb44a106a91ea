"""Word vectors and medical image encoders keep every rule that backbones of others are held to."""

from dataclasses import replace

import numpy as np
import pytest

from tests.plugins.test_medical import folder_of
from zoo.host import installed
from zoo.plugin import Weights
from zoo.testing import BackboneKit
from zoo.testing.subjects import BackboneSubject

WORDS = [
    "the",
    "a",
    "yes",
    "film",
    "and",
    "was",
    "it",
    "in",
    "never",
    "many",
    "people",
    "city",
    "word",
    "rain",
    "sun",
    "patient",
]


class TestWordVectors(BackboneKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> BackboneSubject:
        drawn = np.random.default_rng(1)
        path = tmp_path_factory.mktemp("kit") / "glove.txt"
        rows = [" ".join([word, *(f"{n:.4f}" for n in drawn.normal(size=12))]) for word in WORDS]
        path.write_text("\n".join(rows))
        provided = installed().backbone(f"vectors:{path}")
        return BackboneSubject(provided, adapters=("linear-probe", "finetune"))


class TestRadiographs(BackboneKit):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> BackboneSubject:
        folder = folder_of(tmp_path_factory.mktemp("kit"), "medical:rad-dino")
        provided = installed().backbone("medical:rad-dino")
        spec = replace(provided.spec, feature_size=None, params=None)  # those of the real one
        return BackboneSubject(
            replace(provided, spec=spec),
            weights=Weights(path=folder),
            adapters=("linear-probe", "lora", "finetune"),
        )
