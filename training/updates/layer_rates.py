"""Layer-wise learning rates: how far each variable of a network is from the outputs, told by the names of its layers."""

import itertools
import re

import numpy as np

# A layer that belongs to a block says so: "stage1_block2_conv1", "block_3_expand", "module1_conv2", "expanded_conv_3_project".
_BLOCK = re.compile(r"^(?:.*?_)?(?:(?:block|module|separable)_?\d+[a-z]?(?=_|$)|expanded_conv(?:_\d+)?(?=_|$))")
# Layers side by side: the convolutions of a `cnn1d`, and the first of a `lite`.
_SIDE_BY_SIDE = re.compile(r"^(?:branch(?=\d)|first(?=_))")


def factors(variables, decay):
    """Return what the learning rate of each variable is multiplied by: decay to the power of its distance from the outputs.

    The layers are taken in their order. Those of a block count as one, and a layer without a kernel, such as a normalization, belongs to
    what stands before it. The outputs have the whole rate, what comes before them that times `decay`, and so on (Clark et al. 2020, section
    3.1; Bao et al. 2022, appendix).

    Args:
        variables: trainable ones, in the model's order. Those of a `models.BlockStack` are of many blocks; those of networks side by side,
            whose layers are called the same, are counted in each network.
        decay: factor from a block to the one before, in (0, 1).

    Returns:
        A list of floats, and for a variable of a stack an array that can be multiplied with it.
    """
    return [_factor(decay ** far.astype(float), one) for far, one in zip(distances(variables), variables, strict=True)]


def begins(variables, steps):
    """Return the step at which each variable begins to be trained, the outputs first and the first block last, at `steps`.

    That is gradual unfreezing (Howard and Ruder 2018, section 3.3), in steps of equal length.

    Args:
        variables: see `factors`.
        steps: of the training, after which all are trained.

    Returns:
        A list as of `factors`.
    """
    far = distances(variables)
    most = max(1, *(int(one.max()) for one in far))
    return [_factor(one * (steps / most), variable) for one, variable in zip(far, variables, strict=True)]


def distances(variables):
    """Return how many blocks lie between each variable and the outputs.

    Args:
        variables: see `factors`.

    Returns:
        A list of int arrays: of one number, and for a variable of a stack of one for each of its blocks.
    """
    return [far for network in _networks(variables) for far in _of_a_network(network)]


def _networks(variables):
    """The variables of each of the networks side by side: where a name comes again, the next one begins."""
    networks, seen = [[]], set()
    for variable in variables:
        if variable.path in seen:
            networks.append([])
            seen.clear()
        seen.add(variable.path)
        networks[-1].append(variable)
    return networks


def _of_a_network(variables):
    groups = _merged(_groups(variables))
    # How many blocks each group is: one, or those of a stack.
    counts = {group: getattr(variable, "blocks", 1) for group, variable in zip(groups, variables, strict=True)}
    behind = sum(counts.values()) - np.cumsum(list(counts.values()))
    of_groups = {group: int(place) + np.arange(count)[::-1] for (group, count), place in zip(counts.items(), behind, strict=True)}
    return [of_groups[group] for group in groups]


def _factor(of_blocks, variable):
    blocks = getattr(variable, "blocks", None)
    if blocks is None:
        return float(of_blocks[0])
    if len(variable.shape) == 1:
        return np.repeat(of_blocks, variable.shape[0] // blocks).astype("float32")
    return of_blocks.reshape(blocks, *(1 for _ in variable.shape[1:])).astype("float32")


def _groups(variables):
    """The name of each variable's block, or of the layer with a kernel that begins a group of its own."""
    names = [variable.path.split("/")[:-1] for variable in variables]
    # The name of a model that is a class of its own stands before all others.
    outer = len(names[0]) - 1 if len(names) == 1 else 0
    if len(names) > 1:
        outer = sum(1 for _ in itertools.takewhile(lambda level: len(set(level)) == 1, zip(*(name[:-1] for name in names), strict=False)))
    names = [(*name[outer:], "")[0] for name in names]
    with_kernel = {name for name, variable in zip(names, variables, strict=True) if _is_kernel(variable)}
    groups, current = [], ""
    for name, variable in zip(names, variables, strict=True):
        block = _BLOCK.match(name) or _SIDE_BY_SIDE.match(name)
        if hasattr(variable, "blocks") or (block is None and name in with_kernel):
            current = name
        elif block:
            current = block.group()
        groups.append(current)
    if variables[0].name == "embeddings":
        return groups
    # What stands before the first kernel and is no table of its own.
    first = next((group for group in groups if group), "")
    return [group or first for group in groups]


def _is_kernel(variable):
    return len(variable.shape) > 1 and variable.name not in ("embeddings", "bias")


def _merged(groups):
    """The same with groups that overlap taken together, such as a block and the shortcut that ends in it."""
    last = {group: place for place, group in enumerate(groups)}
    merged, until, current = [], -1, None
    for place, group in enumerate(groups):
        if place > until:
            current = group
        until = max(until, last[group])
        merged.append(current)
    return merged
