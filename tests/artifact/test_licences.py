"""Licences: what they ask, what contradicts them, and how they travel with a model."""

import json
from pathlib import Path

import pytest

import zoo
from tests.artifact.conftest import Compose
from zoo.artifact.licences import (
    Stated,
    contradictions,
    kind_of,
    require_consistent,
    tag_of,
    unknown,
)
from zoo.errors import LicenceConflict


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("MIT", "permissive"),
        ("Apache-2.0", "permissive"),
        ("CC-BY-4.0", "permissive"),
        ("GPL-3.0-or-later", "share-alike"),
        ("cc-by-sa-4.0", "share-alike"),
        ("CC-BY-NC-4.0", "non-commercial"),
        ("cc-by-nc-sa-4.0", "non-commercial"),
        ("cc-by-nd-4.0", "no-derivatives"),
        ("CC BY-NC", "non-commercial"),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0", "no-derivatives"),
        ("GNU Affero General Public License v3.0", "share-alike"),
        ("LGPL-2.1+", "share-alike"),
        ("AGPL", "share-alike"),
        ("permissive", "unknown"),
        ("llama3.1", "use-restricted"),
        ("other", "unknown"),
        ("My own", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_what_a_licence_asks(licence: str | None, kind: str) -> None:
    assert kind_of(licence) == kind


@pytest.mark.parametrize(
    ("model", "source", "said"),
    [
        ("mit", "apache-2.0", ""),
        ("gpl-3.0", "mit", ""),
        ("cc-by-nc-4.0", "apache-2.0", ""),
        ("cc-by-nc-4.0", "cc-by-nc-4.0", ""),
        ("cc-by-nc-sa-4.0", "cc-by-nc-4.0", ""),
        ("apache-2.0", "cc-by-nc-4.0", "which allows no commercial use"),
        ("gpl-3.0", "cc-by-nc-4.0", "which allows no commercial use"),
        ("cc-by-nc-4.0", "cc-by-nc-sa-4.0", "stays under the same terms"),
        ("cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", ""),
        ("mit", "GPL-3.0-only", "stays under the same terms"),
        ("gpl-2.0", "gpl-3.0", ""),
        ("mit", "llama3.1", "stays under the same terms"),
        ("llama3.1", "llama3.1", ""),
        ("cc-by-nd-4.0", "cc-by-nd-4.0", "which allows no adapted versions"),
        ("mit", "My own", ""),
        ("My own", "apache-2.0", ""),
        ("My own", "My own", ""),
        ("My own", "cc-by-nc-4.0", "does not know whether 'My own' asks what that asks"),
        ("Apache 2.0", "cc-by-nc-4.0", "which allows no commercial use"),
        ("apache 2.0", "CC BY-NC 4.0", "which allows no commercial use"),
        ("MIT License", "GPLv3", "stays under the same terms"),
    ],
)
@pytest.mark.parametrize("what", ["backbone", "data"])
def test_what_contradicts_what(what: str, model: str, source: str, said: str) -> None:
    found = list(contradictions(Stated(model=model, **{what: source})))

    assert bool(found) is bool(said)
    if said:
        assert found[0].startswith(f"the {what} is under {source}, ")
        assert said in found[0]


@pytest.mark.parametrize(
    ("spelled", "tag"),
    [
        ("Apache 2.0", "apache-2.0"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("Apache_2", "apache-2.0"),
        ("The MIT License", "mit"),
        ("GPL v3", "gpl-3.0"),
        ("LGPL-2.1-or-later", "lgpl-2.1"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd-4.0"),
        ("CC-BY-SA 4.0 International", "cc-by-sa-4.0"),
        ("BSD 3-Clause License", "bsd-3-clause"),
        ("Llama 3.1", "llama3.1"),
        ("Our own 2.0", "our own 2.0"),
        ("apache", "apache"),
    ],
)
def test_a_spelling_is_taken_for_the_tag_it_means(spelled: str, tag: str) -> None:
    assert tag_of(spelled) == tag
    assert tag_of(tag) == tag


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (
            Stated(None, "cc-by-nc-nd-4.0"),
            "under cc-by-nc-nd-4.0, but the backbone is under cc-by-nc",
        ),
        (
            Stated(None, "apache-2.0", "cc-by-nc-4.0"),
            "under apache-2.0, but the data is under cc-by-",
        ),
        (
            Stated(None, None, "cc-by-nd-4.0"),
            "under no licence, but the data is under cc-by-nd-4.0",
        ),
    ],
)
def test_a_model_that_states_none_is_under_its_backbones(stated: Stated, said: str) -> None:
    with pytest.raises(LicenceConflict, match=said):
        require_consistent(stated)
    require_consistent(Stated(None, "cc-by-nc-4.0"))


def test_a_contradiction_is_accepted_by_its_own_name_only() -> None:
    stated = Stated("mit", "cc-by-nc-4.0", "gpl-3.0", accepted=("CC-BY-NC-4.0",))
    with pytest.raises(LicenceConflict) as caught:
        require_consistent(stated)
    assert str(caught.value) == (
        "The model would be under mit, but the data is under gpl-3.0, which asks that what is made "
        "from it stays under the same terms.\nUse `--license gpl-3.0`; or, if you have the right "
        "to, `--accept-license gpl-3.0`."
    )
    require_consistent(Stated("mit", "cc-by-nc-4.0", "gpl-3.0", ("cc-by-nc-4.0", "gpl-3.0")))


def test_what_nobody_knows_is_said() -> None:
    assert unknown(Stated("mit", "Ours", None)) == [
        "the backbone's is 'Ours', which zoo does not know",
        "the data's is not stated",
    ]


def test_licences_travel_into_manifest_and_card(compose: Compose, tmp_path: Path) -> None:
    """The toy backbone is under Apache-2.0."""
    manifest = zoo.save(
        compose(), tmp_path / "a", license="mit", data_license="cc-by-nc-4.0",
        accept_licenses=["cc-by-nc-4.0"],
    )  # fmt: skip
    card = (tmp_path / "a/README.md").read_text(encoding="utf-8")

    assert manifest.provenance.data is not None
    assert manifest.provenance.data.license == "cc-by-nc-4.0"
    assert (
        "Licence of this model: mit; of the backbone: Apache-2.0; of the data: cc-by-nc-4.0."
        in card
    )
    assert "says that it may differ from cc-by-nc-4.0." in card
    again = zoo.save(zoo.load(tmp_path / "a"), tmp_path / "b")
    assert again == manifest
    assert json.loads((tmp_path / "b/zoo.json").read_text())["accepted_licenses"] == [
        "cc-by-nc-4.0"
    ]


def test_a_contradiction_is_refused_before_anything_is_written(
    compose: Compose, tmp_path: Path
) -> None:
    with pytest.raises(LicenceConflict, match=r"the data is under cc-by-nc-4\.0"):
        zoo.save(compose(), tmp_path / "a", data_license="cc-by-nc-4.0")
    assert not (tmp_path / "a").exists()
