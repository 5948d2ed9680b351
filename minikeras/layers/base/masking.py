"""Masks: booleans `(batch, steps)` that travel on tensors as `_keras_mask`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from minikeras.engine import tree
from minikeras.engine.errors import see
from minikeras.engine.symbolic import KerasTensor
from minikeras.engine.tensor import Tensor
from minikeras.engine.warn import warn_user

if TYPE_CHECKING:
    from minikeras.layers.base.call_info import CallInfo
    from minikeras.types import ArrayLike


F = TypeVar("F", bound=Callable[..., Any])
_NO_TENSORS = {"training"}


def passive(compute_mask: F) -> F:
    """A `compute_mask`, marked: without a mask among the inputs it gives none."""
    compute_mask.passive = True  # type: ignore[attr-defined]  # functions take attributes
    return compute_mask


def mask_of(value: object) -> Any:
    """The mask that a tensor carries, or None."""
    return getattr(value, "_keras_mask", None)


def masks_of(value: object) -> Any:
    """The masks of the tensors in a structure, in that structure."""
    if not isinstance(value, (list, tuple, dict)):
        return mask_of(value)
    return tree.map_structure(mask_of, value)


def set_mask(tensor: object, mask: object) -> None:
    """Attach a mask to a tensor."""
    if isinstance(tensor, (Tensor, KerasTensor)):
        tensor._keras_mask = mask


def copy_mask(source: object, target: Tensor) -> Tensor:
    """`target`, with the mask of `source`."""
    mask = mask_of(source)
    if mask is not None:
        target._keras_mask = mask
    return target


def any_mask(masks: Sequence[ArrayLike | None]) -> bool:
    """Whether a mask is anywhere in the structure."""
    return masks is not None and any(m is not None for m in tree.flatten(masks))


def first_masks(args: tuple[Any, ...], kwargs: dict[str, Any], info: object) -> Any:
    """The masks of the first argument."""
    if args:
        return masks_of(args[0])
    return masks_of(next(iter(kwargs.values()))) if kwargs else None


def fill_masks(info: CallInfo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Give `call` the masks of its tensors, under `mask` or `<argument>_mask`."""
    if (
        len(args) == 1
        and kwargs.keys() <= _NO_TENSORS
        and not isinstance(args[0], (list, tuple, dict))
        and mask_of(args[0]) is None
    ):
        return  # nearly always
    tensors = info.tensors(args, kwargs)
    if len(tensors) == 1:
        if "mask" in info.known and kwargs.get("mask") is None:
            found = masks_of(next(iter(tensors.values())))
            if found is not None:  # of several tensors a structure, with None for most
                kwargs["mask"] = found
        return
    for name, value in tensors.items():
        key = f"{name}_mask"
        if key in info.known and kwargs.get(key) is None:
            found = masks_of(value)
            if any_mask(found):
                kwargs[key] = found


def set_masks(
    layer: Any, inputs: object, outputs: object, masks: Sequence[ArrayLike | None]
) -> None:
    """Attach to the outputs what the layer's `compute_mask` gives."""
    has_mask = any_mask(masks)
    if not has_mask and not layer._overrides("compute_mask"):
        return
    if not layer.supports_masking:
        if has_mask:
            warn_user(
                f"{layer._label()} got an input with a mask, does not support masking, and so "
                "drops the mask. Set supports_masking = True in its __init__ if a mask may "
                "pass through unchanged." + see("guides/custom-layers.md#masks")
            )
        return
    flat = tree.flatten(outputs)
    if all(mask_of(out) is not None for out in flat):
        return
    found = layer.compute_mask(inputs, masks)
    if found is None:
        return
    for tensor, mask in zip(flat, tree.flatten(found)):
        if mask is not None and mask_of(tensor) is None:
            set_mask(tensor, mask)
