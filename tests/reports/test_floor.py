"""The report's section on classical models: what it says, and what it escapes."""

import pytest

from hornbook.reports import floor

EVIL = "<b>boosting</b>"


def found(**changes):
    return {
        "model": EVIL,
        "metric": "accuracy",
        "score": 0.9,
        "network": 0.875,
        "difference": -0.025,
        "interval": [-0.04, -0.01],
        "higher_is_better": True,
        "examples": 1234,
        "all": {"most frequent class": {"accuracy": 0.6, "auc": 0.5}, EVIL: {"accuracy": 0.9, "auc": 0.95}},
        "notes": [],
        **changes,
    }


def test_the_comparison_in_words_and_a_row_for_each_model():
    html = floor.floor(found(), {"accuracy": 0.8, "auc": 0.93})
    assert "The best of the classical models on the same 1,234 examples is &lt;b&gt;boosting&lt;/b&gt;: accuracy 0.9000." in html
    assert "The network has 0.8750, 0.0250 less (95% interval of the difference -0.0400 to -0.0100)." in html
    assert html.count("<tr>") == 4
    assert html.index("0.875<") < html.index("0.93<") < html.index("0.95<") < html.index("0.6<")  # The network, then the best.
    assert EVIL not in html


def test_a_network_that_is_mixed_with_a_classical_model_has_a_row_alone():
    html = floor.floor(found(), {"accuracy": 0.8}, {"accuracy": 0.85, "auc": 0.91})
    assert html.index("the network with its classical model") < html.index("0.875<") < html.index("the network alone") < html.index("0.85<")
    assert "alone" not in floor.floor(found(), {"accuracy": 0.8})
    html = floor.floor(found(alone={"network": 0.7, "difference": -0.2, "interval": [-0.3, 0.1]}))
    assert "The network with its classical model has 0.8750, 0.0250 less" in html
    assert (
        "The network alone has 0.7000, 0.2000 less (95% interval of the difference -0.3000 to +0.1000, which may be luck). Higher" in html
    )


def test_an_equal_score_is_the_same():
    html = floor.floor(found(network=0.9, difference=0.0, interval=[0.0, 0.0]))
    assert "The network has 0.9000, the same. Higher is better" in html


def test_luck_and_lower_scores_that_are_better():
    html = floor.floor(found(interval=[-0.04, 0.01]))
    assert "which may be luck). Higher is better" in html
    errors = {"far": {"mean_absolute_error": 9.5}, "near": {"mean_absolute_error": 2.25}}
    html = floor.floor(found(model="near", metric="mean_absolute_error", higher_is_better=False, all=errors, network=1.5, difference=-0.75))
    assert "mean absolute error 0.9000" in html
    assert "Lower is better" in html
    assert html.index("near</th>") < html.index("far</th>")


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_floors_there_is_no_section(nothing):
    assert floor.floor(nothing) == ""


def test_notes_are_shown_even_where_nothing_could_be_compared():
    assert floor.floor({"model": None, "notes": ["<i> left out: TF"]}) == '<p class="note">&lt;i&gt; left out: TF.</p>'
    assert floor.floor(found(interval=None, notes=["on 5 of 9 test examples"])).endswith('<p class="note">On 5 of 9 test examples.</p>')
    assert "0.0250 less." in floor.floor(found(interval=None))
