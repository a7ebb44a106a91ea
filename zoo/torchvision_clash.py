"""The torch/torchvision clash on CPU machines, in one place.

A torchvision wheel built for CUDA, beside a CPU build of torch, fails at import because its
compiled operators do not load. timm, peft and many transformers models import torchvision for its
transforms alone, so declaring the two operators that its Python side mentions is enough; the
operators themselves stay absent.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys

_SYMPTOM = "operator torchvision::nms does not exist"
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# A Library undoes its declarations when it is collected.
_keep_alive: list[object] = []


@functools.cache
def mend_torchvision() -> bool:
    """Make ``import torchvision`` work where only its operators are missing.

    Returns whether anything had to be done. A torchvision that is absent, whole, or broken in any
    other way is left alone. The declaration lives as long as the process.
    """
    if importlib.util.find_spec("torchvision") is None or _SYMPTOM not in _failure():
        return False
    _declare_operators()
    _forget()
    if _failure():  # broken in a second way; whoever needs torchvision will say what is wrong
        _keep_alive.clear()
        _forget()
        return False
    return True


def _failure() -> str:
    """What ``import torchvision`` says, empty where it works."""
    try:
        importlib.import_module("torchvision")
    except Exception as err:
        return str(err) or type(err).__name__
    return ""


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define(f"nms{_SCHEMA}")
    library.define(f"qnms{_SCHEMA}")
    _keep_alive.append(library)


def _forget() -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
