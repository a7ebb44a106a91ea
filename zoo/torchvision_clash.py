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


@functools.cache
def mend_torchvision() -> bool:
    """Make ``import torchvision`` work where only its operators are missing.

    Returns whether anything had to be done. A torchvision that is absent, whole, or broken in any
    other way is left alone. The declaration lives as long as the process.
    """
    if importlib.util.find_spec("torchvision") is None:
        return False
    try:
        importlib.import_module("torchvision")
    except Exception as err:
        if _SYMPTOM not in str(err):
            return False  # whoever needs torchvision will say what is wrong with it
    else:
        return False
    import torch

    for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    library.define(f"nms{_SCHEMA}")
    library.define(f"qnms{_SCHEMA}")
    _keep_alive.append(library)
    importlib.import_module("torchvision")
    return True


# A Library undoes its declarations when it is collected.
_keep_alive: list[object] = []
