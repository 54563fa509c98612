"""How much of the gap between a small network and its teacher does distillation close, and does the student know a class that it never saw?

    python -m benchmarks.smaller.distillation --output runs/distillation
    python -m benchmarks.smaller.distillation --output runs/left-out --left-out 3 --student-flags '--distillation-weight 1' --keep

One teacher is trained; then, with each seed, the student alone on labels and the same student with --teacher, by the same flags. Printed
are the errors of each way, the differences from the student alone, and the share of the gap that is closed: (alone - taught) / (alone -
teacher). With --left-out the students' training examples have none of one class, which the test part has (Hinton et al. 2015, section 3):
then the recall of that class is printed too. With --keep each run's scores go to results/distillation.csv.
"""

import csv
import dataclasses
import json
import pathlib

import numpy as np

from benchmarks.generalisation import levels
from hornbook import command_line
from hornbook.recipes import image_classification

RESULTS = pathlib.Path(__file__).parents[1] / "results"
PLAIN = "--no-floor --no-diagnosis --no-data-check"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--dataset", default="tfds:fashion_mnist")
    made.add_argument("--teacher-flags", default="--model resnet20 --augmentation crop-flip --epochs 15")
    made.add_argument("--model-flags", default="--model cnn --depth 4 --width 8 --epochs 15", help="of both students")
    made.add_argument("--student-flags", default="", help="of the one with a teacher")
    made.add_argument("--left-out", default=None, help="name of a class that students have no examples of")
    made.add_argument("--keep", action="store_true", help="write results/distillation.csv, a row a run")
    return made


def main(args):
    args.output.mkdir(parents=True, exist_ok=True)
    teacher = args.output / "teacher"
    if not (teacher / "result.json").exists():
        levels.hornbook("image-classification", "--dataset", args.dataset, "--output", teacher, [args.teacher_flags], [PLAIN])
    rows = [{"way": "teacher", "seed": 0, **scores(teacher, args.left_out)}]
    for way, flags in (("alone", ""), ("taught", f"--teacher {teacher} {args.student_flags}")):
        for seed in range(args.seeds):
            folder = args.output / way / str(seed)
            if not (folder / "result.json").exists():
                train(args, f"{args.model_flags} {flags} --seed {seed}", folder)
            rows.append({"way": way, "seed": seed, **scores(folder, args.left_out)})
            print(rows[-1], flush=True)
    if args.keep:
        with open(RESULTS / "distillation.csv", "w", newline="") as file:
            table = csv.DictWriter(file, ["dataset", "left_out", *rows[0]], lineterminator="\n")
            table.writeheader()
            table.writerows({"dataset": args.dataset, "left_out": args.left_out or "", **row} for row in rows)
    closed(rows)
    further = [name for name in rows[0] if name not in ("way", "seed")]
    kept = [
        levels.score(args.dataset, row["way"], name, row["seed"], row[name]) for name in further for row in rows if row["way"] != "teacher"
    ]
    return levels.write(args.output, kept)


def train(args, flags, folder):
    """A student, whose training and validation parts have none of the class that is left out."""
    found = command_line.parse(image_classification.Args, [*flags.split(), *PLAIN.split()], "student", "A student.")
    dataset = image_classification.load(dataclasses.replace(found, dataset=args.dataset), folder)
    if args.left_out is not None:
        absent = dataset.class_names.index(args.left_out)
        kept = {name: part.subset(np.flatnonzero(part.labels != absent)) for name, part in dataset.parts.items() if name != "test"}
        dataset = dataclasses.replace(dataset, **kept)
    image_classification.main(dataclasses.replace(found, output=str(folder)), dataset=dataset)


def scores(folder, left_out):
    """The error of a run on the test part, and the recall of a class."""
    result = json.loads((folder / "result.json").read_text())
    found = {"error": 1 - result["metrics"]["accuracy"]}
    recalls = {row["name"]: row["recall"] for row in result["evaluation"]["per_class"]}
    return found if left_out is None else {**found, f"recall:{left_out}": recalls[left_out]}


def closed(rows):
    """Print the share of the gap that is closed, over the seeds."""
    error = {way: [row["error"] for row in rows if row["way"] == way] for way in ("teacher", "alone", "taught")}
    gap = np.mean(error["alone"]) - error["teacher"][0]
    shares = (np.array(error["alone"]) - np.array(error["taught"])) / gap
    spread = f", standard deviation {shares.std(ddof=1):.3f}" if len(shares) > 1 else ""
    print(f"teacher {error['teacher'][0]:.4f}, gap {gap:.4f}; closed of it {shares.mean():.3f} (n {len(shares)}{spread})")


if __name__ == "__main__":
    main(parser().parse_args())
