"""Checks of what a builder is given: every message says what was received, what is accepted, and the fix."""

import difflib
import numbers


def check_choice(option, value, choices, hint=""):
    """Return `value` if it is one of `choices`; else a ValueError that lists them and names the nearest."""
    if isinstance(value, str) and value in choices:
        return value
    near = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{option} must be one of {', '.join(choices)}{hint}, got {value!r}{guess}")


def check_count(option, value, least=1):
    """Return `value` as an int of at least `least`; True and 3.0 are no counts."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{option} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def check_rate(option, value):
    """Return `value` as a float in [0, 1): the share that is dropped."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(f"{option} is the share that is dropped: it must be at least 0 and below 1, got {value!r}")
    return float(value)


def check_penalty(option, value, what="the factor of a penalty"):
    """Return `value` as a float of at least 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value < float("inf"):
        raise ValueError(f"{option} is {what}: it must be a number of at least 0, got {value!r}")
    return float(value)


def check_scale(option, value, what="initial kernels"):
    """Return `value` as a float above 0."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < float("inf"):
        raise ValueError(f"{option} multiplies the {what}: it must be a number above 0, such as 0.01, got {value!r}")
    return float(value)


def check_image_shape(input_shape):
    """Return `input_shape` as (height, width, channels); height and width may be None, for images of any size."""
    shape = _as_tuple(input_shape)
    if len(shape) == 2:
        raise ValueError(f"input_shape must be (height, width, channels), got {shape}; for one channel write {(*shape, 1)}")
    if len(shape) != 3:
        raise ValueError(f"input_shape must be (height, width, channels) without the batch axis, got {shape}")
    for axis, size in zip(("height", "width", "channels"), shape, strict=True):
        if size is None and axis != "channels":
            continue
        if size is None:
            raise ValueError(f"the channels of input_shape must be known, got {shape}: a kernel is as deep as its input")
        check_count(f"the {axis} of input_shape", size)
    return shape


def check_series_shape(input_shape):
    """Return `input_shape` as (time, features); time may be None, for series of any length."""
    shape = _as_tuple(input_shape)
    if len(shape) == 1:
        fix = f"for one feature a step write {(*shape, 1)}, for tokens pass vocabulary_size"
        raise ValueError(f"input_shape must be (time, features), got {shape}; {fix}")
    if len(shape) != 2 or shape[1] is None:
        raise ValueError(f"input_shape must be (time, features) without the batch axis, the features known, got {shape}")
    return _check_time(shape), check_count("the features of input_shape", shape[1])


def check_token_shape(input_shape):
    """Return `input_shape` as (time,); time may be None, for texts of any length."""
    shape = _as_tuple(input_shape)
    if len(shape) != 1:
        raise ValueError(f"input_shape must be (time,) for tokens, got {shape}; for series of features leave out vocabulary_size")
    return (_check_time(shape),)


def _check_time(shape):
    return None if shape[0] is None else check_count("the time of input_shape", shape[0])


def check_feature_shape(input_shape):
    """Return `input_shape` as a tuple of known sizes, such as (features,) or (height, width, channels)."""
    shape = _as_tuple(input_shape)
    if not shape or None in shape:
        raise ValueError(f"input_shape must hold known sizes, such as (20,) or (28, 28, 1), got {shape}: a kernel is as long as its input")
    for size in shape:
        check_count("each size in input_shape", size)
    return shape


def check_plan(option, value, each="stage", length=None):
    """Return `value` as a tuple of counts, one for each stage (or what `each` says)."""
    plan = tuple(value) if isinstance(value, (tuple, list)) else ()
    if not plan or (length is not None and len(plan) != length):
        raise ValueError(f"{option} as a tuple holds one count a {each}{f', {length} in all' if length else ''}, got {value!r}")
    return tuple(check_count(f"each count in {option}", count) for count in plan)


def refuse_stochastic_depth(stochastic_depth, family):
    """Raise if stochastic depth is asked of a network without shortcuts."""
    if check_rate("stochastic_depth", stochastic_depth):
        raise ValueError(
            f"stochastic_depth must be 0 for {family}, got {stochastic_depth}: without a shortcut around it a dropped layer "
            "leaves nothing to pass on; use a resnet, or dropout"
        )


def _as_tuple(input_shape):
    try:
        return tuple(input_shape)
    except TypeError:
        raise ValueError(f"input_shape must be a tuple of sizes without the batch axis, got {input_shape!r}") from None
