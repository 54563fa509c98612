"""Does `hornbook serve` stand 100 clients for a minute, and how much of the model's own speed is left?

    python -m benchmarks.reliability.serve_load --run runs/digits runs/photos --file photo.jpg --seconds 60 --keep

Starts the server of a finished run, and clients that send one input each, again and again, over connections that stay open. Prints requests
a second, errors, the slowest answers and the server's memory at a tenth of the time and at its end; and, before, how many inputs a second
the model computes in batches of 32 with nothing around it. All of it shares the machine's cores: the clients take theirs, too.
"""

import argparse
import asyncio
import csv
import json
import pathlib
import re
import subprocess
import sys
import time

import numpy as np
import psutil

RESULTS = pathlib.Path(__file__).parents[1] / "results/serve_load.csv"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, nargs="+", help="folders of finished runs on images")
    parser.add_argument("--file", help="JPEG file that clients send; default: random pixels as a NumPy file")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--keep", action="store_true", help="write results/serve_load.csv")
    args = parser.parse_args()
    rows = [measured(args, run) for run in args.run]
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)


def measured(args, run):
    """The row of one run, which is printed."""
    about = json.loads(pathlib.Path(run, "labels.json").read_text())
    image = np.random.default_rng(0).integers(0, 256, (1, *about["input_shape"])).astype(np.uint8)
    row = {"run": pathlib.Path(run).name, "clients": args.clients, "seconds": args.seconds}
    row["model_alone_a_second"] = round(alone(run, image), 1)
    row |= under_load(args, run, pathlib.Path(args.file).read_bytes() if args.file else npy(image))
    row["share_of_the_model"] = round(row["requests_a_second"] / row["model_alone_a_second"], 3)
    for name, value in row.items():
        print(f"{name.replace('_', ' ')}: {value}")
    return row


def npy(image):
    import io

    content = io.BytesIO()
    np.save(content, image)
    return content.getvalue()


def alone(run, image):
    """Inputs a second of the model in batches of 32."""
    import keras

    import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.

    model, batch = keras.saving.load_model(pathlib.Path(run, "model.keras"), compile=False), np.repeat(image, 32, axis=0)
    model.predict_on_batch(batch)
    rounds, started = 0, time.perf_counter()
    while time.perf_counter() - started < 10:
        model.predict_on_batch(batch)
        rounds += 1
    return 32 * rounds / (time.perf_counter() - started)


def under_load(args, run, body):
    """What clients see of a server, a dict."""
    server = subprocess.Popen([sys.executable, "-m", "hornbook", "serve", run, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        port = int(re.search(r":(\d+)/", server.stdout.readline())[1])
        return asyncio.run(_clients(args, port, body, psutil.Process(server.pid)))
    finally:
        server.terminate()
        server.wait()


async def _clients(args, port, body, server):
    kind = "image/jpeg" if args.file else "application/x-npy"
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    await _ask(*await asyncio.open_connection("localhost", port), head + body)  # Which compiles the model.
    end, took, errors, memory, before = time.perf_counter() + args.seconds, [], [], [], server.cpu_times()

    async def client():
        reader, writer = await asyncio.open_connection("localhost", port)
        while time.perf_counter() < end:
            started = time.perf_counter()
            status = await _ask(reader, writer, head + body)
            took.append(time.perf_counter() - started)
            if status != 200:
                errors.append(status)
        writer.close()

    async def watch():
        for share in (0.1, 0.95):
            await asyncio.sleep(max(0, end - (1 - share) * args.seconds - time.perf_counter()))
            memory.append(server.memory_info().rss / 2**20)

    started = time.perf_counter()
    await asyncio.gather(watch(), *(client() for _ in range(args.clients)))
    seconds, after = time.perf_counter() - started, server.cpu_times()
    return {
        "requests": len(took),
        "errors": len(errors),
        "requests_a_second": round(len(took) / seconds, 1),
        "server_cpu_milliseconds": round(1000 * (after.user + after.system - before.user - before.system) / len(took), 3),
        "median_milliseconds": round(1000 * float(np.median(took)), 1),
        "slowest_percent_milliseconds": round(1000 * float(np.quantile(took, 0.99)), 1),
        "memory_at_first_mib": round(memory[0], 1),
        "memory_at_last_mib": round(memory[1], 1),
    }


async def _ask(reader, writer, request):
    """The status of an answer, which is read to its end."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(int(re.search(rb"content-length: (\d+)", head.lower())[1]))
    return int(head.split(b" ", 2)[1])


if __name__ == "__main__":
    main()
