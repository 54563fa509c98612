"""What adversarial training gains and costs: Fashion-MNIST at epsilon 0.1, undefended, by PGD and by FGSM with a random start.

Each network is trained by the recipe and attacked by `hornbook attack`: FGSM, PGD of 40 steps and Square of 1,000 guesses, on test examples
drawn by seed 0, epsilon in the maximum norm of pixels from 0 to 1. The seconds are those of the training's epochs, with the attacks on 256
validation examples after each, which the undefended network has not.

python -m benchmarks.robustness.adversarial --output benchmarks/results/adversarial.csv
python -m benchmarks.robustness.adversarial --train-fraction 0.1 --epochs 4 --examples 200    # a smaller machine

Needs TFDS_DATA_DIR with fashion_mnist, or a network to fetch it. About 25 minutes of processor time; with --width 32 about 55.
"""

import argparse
import csv
import pathlib
import tempfile

from hornbook.inference.attack.command import AttackArgs
from hornbook.inference.attack.command import main as attack
from hornbook.recipes import image_classification

METHODS = ("none", "fgsm", "pgd")
ATTACKS = ("fgsm", "pgd", "square")


def measured(folder, method, seed, args):
    """A row of the table: scores as they are and under attack, and what the training took."""
    further = {} if method == "none" else {"adversarial": method, "epsilon": args.epsilon}
    wanted = image_classification.Args(
        dataset=args.dataset, model="cnn", depth=args.depth, width=args.width, epochs=args.epochs, batch_size=128, augmentation="none",
        validation_fraction=0.05, train_fraction=args.train_fraction, floor=False, data_check=False, seed=seed,
        output=str(folder / f"{method}{seed}"), **further,
    )  # fmt: skip
    result = image_classification.main(wanted)
    with open(folder / f"{method}{seed}" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = attack(AttackArgs(str(folder / f"{method}{seed}"), ATTACKS, (args.epsilon,), examples=args.examples, steps=40))
    under = {one["attack"]: one["curve"][0]["accuracy"] for one in found["attacks"]}
    overfitted = any(one["problem"] == "catastrophic-overfitting" for one in result["findings"])
    return {
        "method": method, "seed": seed, "epochs": len(rows), "accuracy": result["metrics"]["accuracy"], **under,
        "examples": found["examples"], "seconds": float(rows[-1]["seconds"]), "overfitted": overfitted,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, help="CSV of all runs")
    parser.add_argument("--dataset", default="tfds:fashion_mnist")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epsilon", default="0.1")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--train-fraction", type=float, help="train on this share of the examples; default: on all")
    parser.add_argument("--examples", type=int, default=1000, help="test examples to attack")
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--width", type=int, default=16)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.seeds):
            for method in args.methods:
                rows.append(measured(pathlib.Path(folder), method, seed, args))
                if args.output:  # After each run: the next takes long.
                    args.output.parent.mkdir(parents=True, exist_ok=True)
                    with open(args.output, "w", newline="") as file:
                        table = csv.DictWriter(file, rows[0], lineterminator="\n")
                        table.writeheader()
                        table.writerows(rows)
    print("| trained by | seed | accuracy | FGSM | PGD-40 | Square | seconds |\n|---|---|---|---|---|---|---|")
    for row in rows:
        scores = " | ".join(f"{row[name]:.4f}" for name in ("accuracy", *ATTACKS))
        print(f"| {row['method']} | {row['seed']} | {scores} | {row['seconds']:.0f} |")


if __name__ == "__main__":
    main()
