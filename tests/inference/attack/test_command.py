"""`hornbook attack` on a small run of digits."""

import json

import numpy as np
import pytest

from hornbook import data
from hornbook.inference.attack import command, running, target
from hornbook.inference.attack.command import attack
from hornbook.inference.evaluate import evaluate


@pytest.fixture(scope="module")
def found(digits_run):
    output = str(digits_run / "attacks" / "one")
    attacks = ("fgsm", "pgd", "square")
    args = command.AttackArgs(str(digits_run), attacks, ("0.05", "0.2"), examples=120, steps=10, queries=60, output=output)
    return command.main(args)


def test_the_accuracy_falls_with_epsilon(found):
    for one in found["attacks"]:
        first, second = (point["accuracy"] for point in one["curve"])
        assert found["accuracy"] >= first >= second
        assert all(point["interval"][0] <= point["accuracy"] <= point["interval"][1] for point in one["curve"])
    fgsm, pgd, _ = (one["curve"][-1]["accuracy"] for one in found["attacks"])
    assert pgd <= fgsm < found["accuracy"] - 0.2


def test_what_is_written_is_what_is_said(found, digits_run):
    folder = digits_run / "attacks" / "one"
    assert json.loads((folder / "attack.json").read_text())["attacks"] == found["attacks"]
    page = (folder / "attack.html").read_text()
    assert "1 is 16 of the pixels" in page
    assert page.count("<figure>") > 20  # The curve, and examples of each attack.
    assert "becomes" in page


def test_all_examples_have_the_accuracy_of_evaluate(digits_run, tmp_path, capsys):
    capsys.readouterr()
    evaluate([str(digits_run), "--json"])
    wanted = json.loads(capsys.readouterr().out)["accuracy"]
    attack([str(digits_run), "--attack", "fgsm", "--epsilon", "8/255", "--output", str(tmp_path / "a")])
    printed = capsys.readouterr().out
    assert json.loads((tmp_path / "a" / "attack.json").read_text())["accuracy"] == wanted
    assert "0.03137\t" in printed
    assert "epsilon\tfgsm" in printed


def test_an_epsilon_of_the_pixels_scale_names_both_scales(digits_run, tmp_path, refusal):
    said = refusal(attack, digits_run, "--epsilon", "8", "--output", tmp_path / "a")
    assert "from 0, black, to 1, white" in said
    assert "from 0 to 16" in said
    assert "8/255" in said
    assert not (tmp_path / "a").exists()


def test_images_of_another_scale_are_refused_with_both(digits_run, tmp_path, refusal):
    digits = data.images.load("digits").test
    np.savez(tmp_path / "small.npz", images=digits.inputs / np.float32(2000), labels=digits.labels)
    said = refusal(attack, digits_run, "--dataset", f"npz:{tmp_path / 'small.npz'}")
    assert "pixels up to 0.008" in said
    assert "from 0 to 16" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--epsilon", "0"), "--epsilon must be a positive number"),
        (("--examples", "0"), "--examples must be at least 1"),
        (("--steps", "0"), "--steps must be at least 1"),
        (("--step-size", "0"), "--step-size must be a share"),
        (("--attack", "deepfool"), "--attack"),
    ],
)
def test_options_out_of_range_are_refused(digits_run, words, told, refusal):
    assert told in refusal(attack, digits_run, *words)


def test_a_folder_that_is_there_is_refused(found, digits_run, refusal):
    assert "is there already" in refusal(attack, digits_run, "--output", digits_run / "attacks" / "one")


def test_what_a_small_change_flips_counts_for_larger_ones():
    class Twice:
        """Says class 1 where a number is above 0.5, and an attack that forgets."""

        def predicted(self, x):
            return (x[:, 0] > 0.5).astype(int)

    attacked = target.Target(np.zeros((4, 1), "float32"), np.zeros(4, int), target.box.Box(np.float32(1)), "", np.arange(4))
    radii = []

    def change(x, labels, box):
        radii.append((len(x), float(np.max(box.radius))))
        return np.where((np.arange(len(x)) == 0)[:, None], 1, x)

    curve = running.curve("pgd", change, Twice(), attacked, [0.2, 0.1])
    assert curve.epsilons == [0.1, 0.2]
    assert radii == [(4, pytest.approx(0.1)), (3, pytest.approx(0.2))]
    assert curve.right.sum(axis=1).tolist() == [3, 2]
    assert [flip.number for flip in curve.flips] == [0, 1]


def test_masked_gradients_are_said():
    def curve(name, right):
        return running.Curve(name, [0.1], np.array([[True] * right + [False] * (100 - right)]), [], 1.0)

    assert "square succeeds where pgd fails" in running.masked([curve("pgd", 80), curve("square", 40)])
    assert "fgsm succeeds where pgd fails" in running.masked([curve("pgd", 80), curve("fgsm", 40)])
    assert running.masked([curve("pgd", 40), curve("square", 38), curve("fgsm", 70)]) == ""
    assert running.masked([curve("square", 38)]) == ""
