"""Levels from words, and the runs that they make."""

import pytest

from hornbook import UserError, command_line
from hornbook.recipes import image_classification, tabular_classification
from hornbook.tuning.comparison import grid

BASE = {"dataset": "wine", "seed": 0, "epochs": 3, "width": None}


def levels(written, recipe=tabular_classification):
    return [(level.name, level.options) for level in grid.vary_factor(written, recipe).levels]


def test_levels_have_the_options_types():
    assert levels("width=8,16") == [("8", {"width": 8}), ("16", {"width": 16})]
    assert levels("learning_rate=1,1e-3,auto") == [
        ("1", {"learning_rate": 1.0}), ("1e-3", {"learning_rate": 0.001}), ("auto", {"learning_rate": "auto"}),
    ]  # fmt: skip
    assert levels("normalization=batch,none,default") == [
        ("batch", {"normalization": "batch"}), ("none", {"normalization": "none"}), ("default", {}),
    ]  # fmt: skip
    assert levels("nesterov=yes,no") == [("yes", {"nesterov": True}), ("no", {"nesterov": False})]
    assert levels("label-column=1,label") == [("1", {"label_column": "1"}), ("label", {"label_column": "label"})]


def test_of_an_option_with_several_values_blanks_stand_between():
    from hornbook.recipes import sequence_classification

    assert levels("kernel_sizes=8 5 3,5 3", sequence_classification)[1] == ("5 3", {"kernel_sizes": (5, 3)})


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("width", "accepted is NAME=A,B,C"),
        ("width=8,,9", "accepted is NAME=A,B,C"),
        ("width=8", "two or more different values are needed"),
        ("width=8,8", "two or more different values are needed"),
        ("width=8,broad", "--vary width=8,broad: --width takes"),
        ("widht=8,9", "did you mean width"),
        ("seed=1,2", "--seed is set run by run"),
        ("normalization=batch,bath", "--normalization takes"),
    ],
)
def test_levels_that_there_cannot_be(written, told):
    with pytest.raises(UserError, match=told):
        levels(written)


def parse(words):
    return command_line.parse(image_classification.Args, list(words), "hornbook compare image-classification", "")


def test_named_levels_are_sets_of_flags():
    factor = grid.levels_factor(("plain", "mixed: --mixup 0.2 --epochs 40"), parse, parse([]))
    assert [(level.name, level.options) for level in factor.levels] == [("plain", {}), ("mixed", {"mixup": 0.2, "epochs": 40})]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (("plain",), "two or more different names"),
        (("plain", "plain: --mixup 0.2"), "two or more different names"),
        (("plain", ": --mixup 0.2"), "two or more different names"),
        (("plain", "other --mixup 0.2"), "flags stand behind a colon"),
        (("plain", "other: --mixupp 0.2"), "no option --mixupp"),
        (("plain", "other: --mixup '0.2"), "No closing quotation"),
        (("plain", "other: --seed 7"), "the comparison sets --seed itself"),
    ],
)
def test_named_levels_that_there_cannot_be(written, told):
    with pytest.raises(UserError, match=told):
        grid.levels_factor(written, parse, parse([]))


def factors(*written):
    return [grid.vary_factor(one, tabular_classification) for one in written]


def test_a_run_for_each_combination_seed_by_seed():
    cells = grid.cells(factors("width=8,16", "optimizer=sgd,adam"), ["wine", "other"], range(3, 5), BASE)
    assert len(cells) == 2 * 2 * 2 * 2
    assert [cell.seed for cell in cells] == [3] * 8 + [4] * 8
    assert cells[1].levels == {"width": "8", "optimizer": "adam"}
    assert cells[1].options == {**BASE, "seed": 3, "width": 8, "optimizer": "adam"}
    assert len({cell.folder for cell in cells}) == 16
    assert all("split_seed" not in cell.options for cell in cells)


def test_each_seed_may_have_a_split_of_its_own():
    cells = grid.cells(factors("width=8,16"), ["wine"], range(2), BASE, new_splits=True)
    assert [cell.options["split_seed"] for cell in cells] == [0, 0, 1, 1]


def test_a_runs_folder_does_not_depend_on_what_else_is_compared():
    few = {cell.folder for cell in grid.cells(factors("width=8,16"), ["wine"], range(2), BASE)}
    more = {cell.folder for cell in grid.cells(factors("width=4,8,16"), ["wine", "x"], range(4), BASE)}
    assert few < more


def test_names_of_folders_have_no_letters_that_a_path_takes_for_its_own():
    [cell, _] = grid.cells(
        [grid.Factor("level", (grid.Level("../../a b\x1b", {}), grid.Level("b", {"width": 3})))], ["folder:/x/.."], [0], BASE
    )
    assert "/" not in cell.folder
    assert not cell.folder.startswith(".")
    assert cell.folder.isascii()
    assert cell.folder.isprintable()


def test_two_factors_may_not_set_one_option():
    both = [*factors("width=8,16"), grid.Factor("level", (grid.Level("a", {}), grid.Level("b", {"width": 3})))]
    with pytest.raises(UserError, match="both set width"):
        grid.cells(both, ["wine"], [0], BASE)


def test_more_runs_than_anybody_has():
    with pytest.raises(UserError, match="200,000 runs are more than"):
        grid.cells(factors("width=8,16"), ["wine"], range(100_000), BASE)


def test_a_combination_that_the_recipe_refuses():
    args = command_line.to_config("", tabular_classification.Args(optimizer="adam"))
    base = {name: value for name, value in args.items() if name not in ("recipe", "output")}
    with pytest.raises(UserError, match=r"momentum 0.5: --momentum and --no-nesterov are for --optimizer sgd"):
        grid.check(grid.cells(factors("momentum=default,0.5"), ["wine"], [0], base), tabular_classification)
