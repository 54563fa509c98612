"""`hornbook explain` on toy runs of every medium."""

import json

import numpy as np
import pytest

from hornbook import data
from hornbook.inference.explain.command import explain
from hornbook.recipes import image_classification


def said(capsys, *words):
    capsys.readouterr()
    explain([str(word) for word in words])
    return capsys.readouterr().out.splitlines()


def refusal(capsys, *words):
    """The line of a command that ends with code 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        explain([str(word) for word in words])
    assert raised.value.code == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    return found.err


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    image_classification.main(image_classification.Args(epochs=3, depth=4, width=4, batch_size=32, learning_rate=0.02, output=str(folder)))
    np.save(folder.parent / "some.npy", data.images.load("digits").test.inputs[:3])
    return folder


def test_images(images, tmp_path, capsys):
    page = tmp_path / "page.html"
    lines = said(capsys, images, images.parent / "some.npy", "--output", page, "--examples", "4", "--target", "7")
    found = json.loads((tmp_path / "page.json").read_text())
    assert [one["name"] for one in found["inputs"]] == [f"{images.parent / 'some.npy'}[{place}]" for place in range(3)]
    assert {one["explained"] for one in found["inputs"]} == {"7"}
    assert np.shape(found["inputs"][0]["attributions"]) == (8, 8)
    assert found["checks"]["deletion_and_insertion"]["examples"] == 7
    assert isinstance(found["checks"]["reliable"], bool)
    assert lines[0].split("\t")[1] == "7"
    assert lines[-1] == f"page: {page}; JSON: {tmp_path / 'page.json'}"
    html = page.read_text()
    assert html.count("<img") == 3 * (2 + 5)
    nearest = found["inputs"][0]["nearest"]
    assert len(nearest) == 5
    assert nearest == sorted(nearest, key=lambda one: one["distance"])
    assert nearest[0].keys() == {"index", "source", "label", "distance"}
    assert "http" not in html.replace("http-equiv", "")
    assert "is there already" in refusal(capsys, images, images.parent / "some.npy", "--output", page)


def test_wrong_use(images, tmp_path, capsys):
    some, output = images.parent / "some.npy", ("--output", tmp_path / "page.html")
    assert "has no class '11'; --target takes 0, 1, 2" in refusal(capsys, images, some, "--target", "11", *output)
    assert "--method shapley is not for images; accepted are gradients" in refusal(capsys, images, some, "--method", "shapley", *output)
    assert "reads attention, and" in refusal(capsys, images, some, "--method", "attention_rollout", *output)
    assert "--output is the page to write" in refusal(capsys, images, some, "--output", tmp_path / "page.json")
    assert "nothing to explain" in refusal(capsys, images, *output)
    assert not (tmp_path / "page.html").exists()
    assert "--nearest must be in 0 to 20, got 21" in refusal(capsys, images, some, "--nearest", 21, *output)
