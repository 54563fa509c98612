"""The section of a report that says what the texts are, as the network sees them."""

from hornbook.training import page


def tokens(statistics):
    """A table of the parts, HTML: texts, lengths, what was cut, unknown tokens. "" without any.

    Args:
        statistics: dict from a part's name to the `statistics` of its `text_tokens.Tokens`, or None.
    """
    if not statistics:
        return ""
    rows = [
        (
            page.escape(name),
            page.number(part["texts"]),
            page.number(part["median_length"]),
            page.number(part["long_length"]),
            page.number(part["longest"]),
            page.number(part["cut"]),
            page.percent(part["unknown"]),
            page.number(part.get("repeated")),
        )
        for name, part in statistics.items()
    ]
    columns = ["", "Texts", "Tokens, median", "95% have up to", "Longest, uncut", "Cut off", "Unknown tokens", "In training too"]
    lead = (
        "What the network reads are tokens. What was cut off it never sees; an unknown token says only that there was one; a text that "
        "stands in training too can be known by heart."
    )
    return f'<p class="lead">{lead}</p>\n{page.table(columns, rows)}'
