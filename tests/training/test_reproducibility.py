import pathlib
import sys
import types

import keras
import numpy as np
import pytest

from hornbook.training import reproducibility


@pytest.mark.parametrize(("precision", "policy"), reproducibility.POLICIES.items())
def test_the_policy_is_set_for_the_block_alone(precision, policy):
    before = keras.config.dtype_policy()
    with reproducibility.settings(seed=0):
        assert reproducibility.use_precision(precision) == precision
        assert keras.config.dtype_policy().name == policy
    assert keras.config.dtype_policy() == before
    with pytest.raises(ZeroDivisionError), reproducibility.settings(seed=0):
        1 / len(reproducibility.use_precision(precision)[:0])
    assert keras.config.dtype_policy() == before


def test_the_seed_gives_the_same_weights():
    kernels = []
    for seed in (1, 1, 2):
        with reproducibility.settings(seed=seed):
            layer = keras.layers.Dense(3)
            layer.build((None, 4))
            kernels.append(keras.ops.convert_to_numpy(layer.kernel))
    assert np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])


@pytest.mark.parametrize(("has", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_resolved_by_the_machine(has, precision, monkeypatch):
    monkeypatch.setattr(reproducibility, "has_bfloat16", lambda: has)
    with reproducibility.settings(seed=0):
        assert reproducibility.use_precision("auto") == precision


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile", True),
        ("flags\t\t: fpu amx_bf16", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t: fpu amx_bf16_and_more", False),
        ("Features\t: fp asimd", False),
        ("", False),
        (None, False),  # No such file.
    ],
)
def test_the_processor_is_known_by_its_instructions(flags, expected, monkeypatch):
    def read(path):
        if flags is None:
            raise FileNotFoundError(path)
        return f"processor\t: 0\n{flags}\n"

    monkeypatch.setattr(reproducibility, f"_{keras.backend.backend()}_accelerator", lambda: None)
    monkeypatch.setattr(pathlib.Path, "read_text", read)
    assert reproducibility.has_bfloat16() is expected


@pytest.mark.parametrize("found", [True, False])
def test_an_accelerator_goes_before_the_processor(found, monkeypatch):
    monkeypatch.setattr(reproducibility, f"_{keras.backend.backend()}_accelerator", lambda: found)
    monkeypatch.setattr(reproducibility, "_processor", lambda: not found)
    assert reproducibility.has_bfloat16() is found


@pytest.mark.parametrize(("capability", "expected"), [((9, 0), True), ((8, 0), True), ((7, 5), False), (None, None)])
def test_accelerators_are_known_by_their_capability(capability, expected, monkeypatch):
    # Stand-ins for the backends on a machine with, or without, such a GPU.
    gpus = ["gpu"] if capability else []
    config = types.SimpleNamespace(
        list_physical_devices=lambda kind: gpus if kind == "GPU" else [],
        experimental=types.SimpleNamespace(get_device_details=lambda gpu: {"compute_capability": capability}),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(config=config))
    device = types.SimpleNamespace(platform="gpu" if capability else "cpu")
    if capability:
        device.compute_capability = "{}.{}".format(*capability)
    monkeypatch.setitem(sys.modules, "jax", types.SimpleNamespace(devices=lambda: [device]))
    cuda = types.SimpleNamespace(is_available=lambda: bool(gpus), get_device_capability=lambda: capability)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    assert reproducibility._tensorflow_accelerator() is expected
    assert reproducibility._jax_accelerator() is expected
    assert reproducibility._torch_accelerator() is expected
