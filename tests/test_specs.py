"""Specs and settings: what is not valid is refused at birth, by name."""

from typing import Any

import pytest

from zoo.errors import BadSetting, InvalidSpec
from zoo.specs import AdapterSpec, BackboneSpec, RankerSpec, Setting, TaskSpec, check_settings

RANK = Setting("rank", 8, "rank of the update", minimum=1, maximum=64)
ALPHA = Setting("alpha", 16.0, "scale", minimum=1e-3)
DORA = Setting("dora", False, "decompose")
WEIGHTS = Setting("weights", "none", "weigh classes", choices=("none", "balanced"))
ROLES = Setting("roles", (), "which layers", choices=("attention", "mlp"))
DECLARED = (RANK, ALPHA, DORA, WEIGHTS, ROLES)


@pytest.mark.parametrize(
    ("setting", "given", "value"),
    [
        (RANK, 4, 4),
        (RANK, "4", 4),
        (RANK, 4.0, 4),
        (ALPHA, 8, 8.0),
        (ALPHA, "1e-2", 0.01),
        (DORA, True, True),
        (DORA, "TRUE", True),
        (DORA, "0", False),
        (WEIGHTS, "balanced", "balanced"),
        (ROLES, "attention, mlp", ("attention", "mlp")),
        (ROLES, ["mlp"], ("mlp",)),
        (ROLES, "", ()),
    ],
)
def test_a_value_is_taken_in_the_settings_own_type(
    setting: Setting, given: object, value: object
) -> None:
    taken = setting.check("lora", given)
    assert taken == value
    assert type(taken) is type(setting.default)


@pytest.mark.parametrize(
    ("setting", "given", "valid"),
    [
        (RANK, 0, "of type int, at least 1, at most 64"),
        (RANK, 10**9, "of type int, at least 1, at most 64"),
        (RANK, 2.5, "of type int"),
        (RANK, True, "of type int"),
        (RANK, "eight", "of type int"),
        (RANK, None, "of type int"),
        (RANK, "1" * 5000, "of type int"),
        (RANK, "1" * 4000, "of type int"),
        (ALPHA, "nan", "of type float, at least 0.001"),
        (ALPHA, float("inf"), "of type float, at least 0.001"),
        (DORA, 2, "true or false"),
        (WEIGHTS, "equal", "one of none, balanced"),
        (WEIGHTS, 3, "one of none, balanced"),
        (ROLES, "attention,conv", "one of attention, mlp"),
        (ROLES, [1], "one of attention, mlp"),
        (ROLES, 5, "one of attention, mlp"),
        (Setting("names", (), "free"), 5, "a comma-separated list"),
    ],
)
def test_a_value_outside_what_is_allowed_is_refused(
    setting: Setting, given: object, valid: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        setting.check("lora", given)
    shown = str(given)[:80]
    assert caught.value.message.startswith(
        f"lora: {setting.name}={shown!r} is not valid; it is {valid}"
    )
    assert caught.value.hint == (
        f"The default is {setting.default!r}. `zoo show lora` explains each setting."
    )


def test_what_is_not_given_is_at_its_default() -> None:
    assert check_settings("lora", DECLARED, {"rank": "2"}) == {
        "rank": 2,
        "alpha": 16.0,
        "dora": False,
        "weights": "none",
        "roles": (),
    }


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        (DECLARED, "rnak", "lora has no setting 'rnak'. Did you mean 'rank'?"),
        (
            DECLARED,
            "zzz",
            "lora has no setting 'zzz'. It has: rank, alpha, dora, weights, roles.",
        ),
        ((), "rank", "lora has no setting 'rank'. It has none."),
    ],
)
def test_a_setting_that_is_not_declared_is_refused(
    declared: tuple[Setting, ...], given: str, message: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        check_settings("lora", declared, {given: 1})
    assert caught.value.message == message
    assert caught.value.hint == "`zoo show lora` lists its settings."


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Setting("rank", 0, "", minimum=1),
        lambda: Setting("weights", "some", "", choices=("none",)),
        lambda: Setting("alpha", float("inf"), ""),
    ],
)
def test_a_default_that_breaks_its_own_setting_is_refused(declare: object) -> None:
    with pytest.raises(InvalidSpec, match="its own default breaks it"):
        declare()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"default": b"x"},
            r"a: default=\"b'x'\" is not of type bool or int or float or str or tuple",
        ),
        ({"minimum": "1"}, "a: minimum or maximum holds '1', which is not of type int or float"),
        ({"maximum": float("inf")}, "a: minimum or maximum holds a number that is not finite"),
        ({"choices": ("", 1)}, "a: choices holds '1', which is not of type str"),
    ],
)
def test_a_setting_that_could_not_be_shown_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSpec, match=message):
        Setting(**{"name": "a", "default": "", "help": "", **given})


@pytest.mark.parametrize(
    "name", ["vision:resnet18", "timm:hf-hub:org/repo", "hf:./my folder/model", "a-b_1:X"]
)
def test_backbone_names(name: str) -> None:
    assert BackboneSpec(name=name, loader="a.b:c", modality="image").name == name


@pytest.mark.parametrize(
    "name", ["", "resnet18", ":resnet18", "vision:", "Vision:x", "vi sion:x", "vision: x", "v:a\nb"]
)
def test_backbone_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidSpec, match="is not of the form 'namespace:name'"):
        BackboneSpec(name=name, loader="a.b:c", modality="image")


@pytest.mark.parametrize("kind", [AdapterSpec, RankerSpec, TaskSpec])
@pytest.mark.parametrize("name", ["", "Lora", "lo ra", "-lora", "../lora", "lora\n"])
def test_adapter_and_task_names_that_are_refused(kind: type, name: str) -> None:
    with pytest.raises(InvalidSpec, match=r"is not valid: lower-case letters, digits"):
        kind(name=name, loader="a.b:c")


@pytest.mark.parametrize("loader", ["", "a.b", "a.b:", ":c", "a b:c", "os:system('x')", "a.b:c.d"])
def test_loaders_that_are_refused(loader: str) -> None:
    with pytest.raises(InvalidSpec, match=r"is not of the form 'package\.module:attribute'"):
        AdapterSpec(name="lora", loader=loader)


def test_a_backbone_says_what_goes_in_and_how_it_was_checked() -> None:
    with pytest.raises(InvalidSpec, match="modality is empty; say 'image' or 'text'"):
        BackboneSpec(name="a:b", loader="a:b", modality="")
    with pytest.raises(InvalidSpec, match="verified='yes' is not weights, architecture or"):
        BackboneSpec(name="a:b", loader="a:b", modality="image", verified="yes")  # type: ignore[arg-type]


def test_specs_cannot_be_changed() -> None:
    spec = AdapterSpec(name="lora", loader="a:b")
    with pytest.raises(AttributeError):
        spec.name = "other"  # type: ignore[misc]
