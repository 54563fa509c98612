"""What int8 costs: each recipe's default network in float32, float16, int8 and int8 weights, trained with the rounding of int8 and without.

python -m benchmarks.smaller.quantization --seeds 3                      # writes benchmarks/results/quantization.csv
python -m benchmarks.smaller.quantization --only images tables --seeds 1  # prints, and writes nothing

Each recipe's default run, and with `--quantization-aware 0.5`, is exported to LiteRT in each precision; the file, not the run, answers the
whole test part. Times are of one input: the files take turns, and the ratio to float32 is the median of 20 turns. About 15 minutes a seed
on a core.
"""

import argparse
import csv
import importlib
import os
import pathlib
import tempfile
import time

import numpy as np

RESULTS = pathlib.Path(__file__).parents[1] / "results" / "quantization.csv"
RUNS = {
    "images": ("image_classification", {}),
    "texts": ("text_classification", {}),
    "series": ("sequence_classification", {}),
    "tables": ("tabular_classification", {}),
    "numbers": ("regression", {}),
    "images, transformer": ("image_classification", {"model": "vision_transformer", "depth": 2, "width": 32, "epochs": 60}),
    "series, gru": ("sequence_classification", {"model": "bidirectional_gru", "width": 32, "classical_share": 0.0, "epochs": 30}),
}
PRECISIONS = ("float32", "float16", "int8", "int8-weights")
COLUMNS = ("run", "model", "seed", "aware", "precision", "score", "examples", "of_run", "of_export", "same", "difference", "bytes",
           "of_float32", "ms_1", "time_of_float32", "train_seconds", "refused")  # fmt: skip
AWARE = 0.5
_TURNS, _CALLS = 20, 30


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(RUNS), help="runs by these names")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--aware", nargs="+", type=float, default=[0.0, AWARE], help="shares of epochs that are rounded")
    parser.add_argument("--steps", action="store_true", help="print how long rounded steps take, and do nothing else")
    parser.add_argument("--to", default=None, help="another file to write")
    args = parser.parse_args()
    whole = args.only == list(RUNS)
    results, rows = pathlib.Path(args.to).resolve() if args.to else RESULTS, []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in args.only if args.steps else ():
            found = step_times(name)
            print(f"{name}: {np.median(found):.2f} ({found.min():.2f}-{found.max():.2f}) of {len(found)} epochs")
        if args.steps:
            return
        for seed in range(args.seeds):
            for name in args.only:
                for aware in args.aware:
                    rows += measured(name, seed, aware)
                    if whole or args.to:
                        with open(results, "w", newline="", encoding="utf-8") as file:
                            csv.DictWriter(file, COLUMNS, lineterminator="\n").writeheader()
                            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(rows)


def measured(name, seed, aware):
    """A row for each precision, a dict of `COLUMNS`."""
    from hornbook import UserError
    from hornbook.inference.export import beside, command, models, quantized, verify
    from hornbook.inference.finished_run import load_model, open_run

    recipe, options = RUNS[name]
    module, output = importlib.import_module(f"hornbook.recipes.{recipe}"), f"runs/{name}-{seed}-{aware}"
    fixed = {"floor": False, "diagnosis": False, "seed": seed, "quantization_aware": aware, "output": output}
    result = module.main(module.Args(**{**options, **fixed}))
    trained, medium = open_run(output)
    model = load_model(trained)
    made = models.made(model, trained, "litert", [])
    found, used = [], {}
    for precision in PRECISIONS:
        row = dict.fromkeys(COLUMNS) | {"run": name, "model": model.name, "seed": seed, "aware": aware, "precision": precision}
        row["train_seconds"] = result["seconds"]
        folder = pathlib.Path(f"exports/{name}-{seed}-{aware}-{precision}")
        try:
            drop = 1.0 if precision in quantized.PRECISIONS else command.ExportArgs.accuracy_drop
            told = command.main(command.ExportArgs(output, "litert", str(folder), precision, drop))
        except UserError as error:
            found.append(row | {"refused": str(error)})
            continue
        use = used[precision] = verify.use_lines(folder)
        about = use.ABOUT.get("quantization")
        scored = about["agreement"] if about else quantized.on_labels(use, model, made, trained, medium)
        row |= {key: scored[key] for key in ("score", "examples", "of_run", "of_export")}
        size = beside.size(folder / "model.tflite")
        row |= {"difference": f"{told.difference:.2g}", "bytes": size, "same": about["agreement"]["same"] if about else None}
        row["of_float32"] = round(size / found[0]["bytes"], 3) if found else 1.0
        found.append(row)
    times = turns(used, [given for given, _ in verify.inputs_of(trained, medium)[0]])
    for row in found:
        if row["precision"] in times:
            taken = times[row["precision"]]
            row["ms_1"], row["time_of_float32"] = round(float(np.median(taken)), 4), round(float(np.median(taken / times["float32"])), 3)
        print(",".join("" if row[column] is None else str(row[column]) for column in COLUMNS), flush=True)
    return found


def step_times(name, epochs=10):
    """How much of the processor an epoch of rounded kernels takes of a plain one's: quotients, an array (epochs - 1,); the two take turns.

    Both are networks of the recipe's default, of a run of one epoch, on its training part.
    """
    import keras

    from hornbook import data
    from hornbook.inference.finished_run import load_model, open_run
    from hornbook.training.smaller import rounding

    recipe, options = RUNS[name]
    module, output = importlib.import_module(f"hornbook.recipes.{recipe}"), f"runs/{name}-steps"
    fixed = {"floor": False, "diagnosis": False, "epochs": 1, "classical_share": 0.0, "output": output}
    known = {key: value for key, value in {**options, **fixed}.items() if hasattr(module.Args, key)}
    module.main(module.Args(**known))
    trained, medium = open_run(output)
    train, _ = medium.scored(trained.config["dataset"], "train", trained, True)
    models, times = [load_model(trained), load_model(trained)], [[], []]
    for model, rounds in zip(models, (False, True), strict=True):
        rounding.may_round(model).compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
        model.rounding_now = rounds
    about = {"batch_size": 64, "num_classes": len(trained.about["class_names"]), "length": trained.about["input_shape"][0]}
    for _ in range(epochs):
        for model, seconds in zip(models, times, strict=True):
            feed = data.training_batches(train, epochs=1, **about)
            began = time.process_time()
            model.fit(feed, steps_per_epoch=len(train) // 64, epochs=1, shuffle=False, verbose=0)
            seconds.append(time.process_time() - began)
    return np.array(times[1][1:]) / np.array(times[0][1:])


def turns(used, raw):
    """Milliseconds of a call for one input, an array (turns,) for each file; one turn has a median of each, right after each other."""
    found = {name: [] for name in used}
    for turn in range(_TURNS):
        for name in list(used)[:: 1 if turn % 2 else -1]:
            use, seconds = used[name], []
            batch = use.stack(use.prepare(raw[0])[:1])
            for _ in range(_CALLS):
                began = time.perf_counter()
                use.run(batch)
                seconds.append(time.perf_counter() - began)
            found[name].append(np.median(seconds) * 1e3)
    return {name: np.array(taken) for name, taken in found.items()}


if __name__ == "__main__":
    main()
