"""The open namespace ``hf:``, and what a listing must not import."""

from __future__ import annotations

import subprocess
import sys

import pytest
from zoo_nlp.hooks import zoo_resolve_backbone

import zoo
from zoo.errors import UnknownName


@pytest.mark.parametrize("repo", ["org/repo", "google-bert/bert-base-uncased", "gpt2", "a/b.c_d-1"])
def test_a_repo_is_the_source(repo):
    spec = zoo_resolve_backbone(f"hf:{repo}")
    assert (spec.name, spec.source, spec.modality) == (f"hf:{repo}", repo, "text")


@pytest.mark.parametrize("place", ["./bert", "../bert", "/data/my models/bert", "~/bert", "."])
def test_a_folder_is_no_source(place):
    spec = zoo_resolve_backbone(f"hf:{place}")
    assert (spec.source, spec.options["folder"]) == ("", place)


@pytest.mark.parametrize("name", ["timm:resnet18", "hf:", "hf:a/b/c", "hf:a b", "hf:-a/b", "bert"])
def test_other_names_are_somebody_elses(name):
    assert zoo_resolve_backbone(name) is None


def test_a_name_that_is_none_is_unknown():
    with pytest.raises(UnknownName, match=r"Unknown backbone 'hf:a/b/c'"):
        zoo.load_backbone("hf:a/b/c")


def test_hooks_import_nothing_heavy():
    code = (
        "import sys, zoo_nlp.hooks, zoo_minilm.hooks;"
        "heavy = {'torch', 'transformers', 'tokenizers', 'huggingface_hub'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
