"""What the diagnosis may say where there is little to go by: few examples, few updates."""

from benchmarks.faults.diagnose import interval


def share(hits, count):
    """A share with Wilson's 95% interval, in words."""
    low, high = interval(hits, count)
    return f"{hits / count:.1%} [{max(0.0, low):.1%}, {high:.1%}]"
