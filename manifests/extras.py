"""Heavy libraries that belong to an extra: loaded late, with a plain word when they are missing."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from types import ModuleType

from .errors import UsageError


def load_extra(module: str, extra: str) -> ModuleType:
    """Import a module that the extra brings.

    Raises:
        UsageError: it is not installed; says how to install it.
    """
    if module.partition(".")[0] in ("open_clip", "diffusers", "transformers"):
        declare_torchvision_ops()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as fault:
        raise UsageError(f"{fault.name} is not installed; pip install 'taskpaint[{extra}]'") from fault


def declare_torchvision_ops() -> None:
    """Let torchvision load beside a build of torch that its native part was not made for.

    torchvision's Python side registers shape rules for `nms` and `qnms` on import and dies with "operator
    torchvision::nms does not exist" when its native library did not load, as PyPI's CUDA wheel beside a CPU build of
    torch. Declaring the two schemas first is enough: open_clip and diffusers call neither. Where the native library
    loads, nothing is declared.
    """
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as fault:
        if "torchvision::" not in str(fault):
            raise
    import torch

    for schema in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        with contextlib.suppress(RuntimeError):  # declared already
            torch.library.define(f"torchvision::{schema.partition('(')[0]}", "(" + schema.partition("(")[2])
