"""How many hidden tokens can be said without a network: the most frequent token, or the most frequent one behind its left neighbour."""

import numpy as np

from hornbook.evaluation.intervals import wilson_interval

_AT_A_TIME = 1024
_MOST = 2**22  # Tokens that pairs are counted in.
_KNOWN = 2  # The first id that is neither padding nor unknown.
FREQUENT, BEHIND = "the most frequent token", "the most frequent token behind its left neighbour"


def guesses(train, masked, vocabulary_size):
    """The accuracy of both guesses, by their names, a dict.

    Args:
        train: tokens of the training texts: has `lengths` and `padded(positions, length)`, such as `data.texts.Tokens`.
        masked: `data.texts.pretraining.masking.MaskedTokens` of those that are scored.
        vocabulary_size: how many ids there are.

    Example:
    ```python
    from hornbook import data
    from hornbook.data.texts import tokenizing
    from hornbook.data.texts.pretraining import masking
    from hornbook.evaluation.floors import masked_tokens

    texts = data.texts.from_texts(["a good film", "a bad film"] * 8, [1, 0] * 8)
    tokenizer = tokenizing.fit(texts.train.texts())
    tokens = data.texts.encode(texts.train, tokenizer)
    hidden = masking.MaskedTokens(tokens, masking.masking(0.3, [tokens], tokenizer.vocabulary_size), seed=0)
    print(masked_tokens.guesses(tokens, hidden, tokenizer.vocabulary_size))
    ```
    """
    counts, pairs, seen = np.zeros(vocabulary_size, np.int64), [], 0
    for ids, _ in _blocks(train):
        counts += np.bincount(ids[ids >= _KNOWN], minlength=vocabulary_size)
        left, right = ids[:, :-1], ids[:, 1:]
        both = (left >= _KNOWN) & (right >= _KNOWN)
        pairs.append(left[both].astype(np.int64) * vocabulary_size + right[both])
        seen += ids.size
        if seen > _MOST:
            break
    found, often = np.unique(np.concatenate(pairs), return_counts=True)
    behind = np.full(vocabulary_size, counts.argmax())
    rising = np.argsort(often, kind="stable")
    behind[found[rising] // vocabulary_size] = found[rising] % vocabulary_size  # The most frequent one last.
    right, there = {FREQUENT: 0, BEHIND: 0}, 0
    places = masked.labels.shape[1]
    for packed, positions in _blocks(masked):
        ids, at, hidden = packed[:, :-places], packed[:, -places:], masked.labels[positions]
        left = np.where(at > 0, np.take_along_axis(ids, np.maximum(at - 1, 0), axis=1), 0)
        asked = hidden >= 0
        there += int(asked.sum())
        right[FREQUENT] += int(((hidden == counts.argmax()) & asked).sum())
        right[BEHIND] += int(((hidden == behind[left]) & asked).sum())
    return {name: one / max(1, there) for name, one in right.items()}


def _blocks(tokens):
    """The ids of some texts at a time, padded, and their positions."""
    for positions in np.split(np.arange(len(tokens)), range(_AT_A_TIME, len(tokens), _AT_A_TIME)):
        yield tokens.padded(positions, int(tokens.lengths[positions].max())), positions


def scores(accuracy, loss, examples):
    """What a network is worth, as a run keeps it.

    Args:
        accuracy: the share of the hidden tokens that it says.
        loss: the cross-entropy, the mean over texts.
        examples: how many tokens were hidden.

    Example:
    ```python
    from hornbook.evaluation.floors import masked_tokens

    print(masked_tokens.scores(0.3, 4.2, 1000)["accuracy_interval"])
    ```
    """
    interval = wilson_interval(accuracy * examples, examples)
    return {"examples": examples, "not_finite": 0, "accuracy": accuracy, "accuracy_interval": interval, "loss": loss}


def compared(found, guessed):
    """How `scores` compare with the better guess: what a run's result has of its floor, see `floors.compare`.

    Args:
        found: as of `scores`.
        guessed: as of `guesses`.
    """
    name = max(guessed, key=guessed.get)
    return {
        "model": name,
        "metric": "accuracy",
        "score": guessed[name],
        "network": found["accuracy"],
        "difference": found["accuracy"] - guessed[name],
        "interval": [end - guessed[name] for end in found["accuracy_interval"]],
        "higher_is_better": True,
        "examples": found["examples"],
        "all": {one: {"accuracy": accuracy} for one, accuracy in guessed.items()},
        "seconds": 0.0,
        "notes": [],
    }
