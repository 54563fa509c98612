"""Trials on a Ray cluster of one node on this machine."""

import json
import os
import threading
import time

import pytest

from hornbook import UserError, command_line
from hornbook.recipes import tabular_classification
from hornbook.tuning.workers import ray_cluster

# A builder that kills its own process the first time that it is called.
_BUILDER = """
import os, pathlib, signal
from hornbook import models

def builder(input_shape, num_outputs, **options):
    marker = pathlib.Path(os.environ["HORNBOOK_TEST_MARKER"])
    if not marker.exists():
        marker.write_text("killed")
        os.kill(os.getpid(), signal.SIGKILL)
    return models.mlp(input_shape, num_outputs, depth=1, width=4)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("builders")
    (folder / "deadly.py").write_text(_BUILDER)
    pytest.importorskip("ray")
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("HORNBOOK_TEST_MARKER", str(folder / "marker"))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        yield made, folder
        ray.shutdown()
        made.shutdown()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_a_trial_whose_worker_is_killed_is_run_again_and_one_too_large_is_refused(cluster, tmp_path):
    made, folder = cluster
    with pytest.raises(UserError, match="no node has 64 processor cores for a trial"):
        ray_cluster.RayWorkers(made.address, cpus=64)
    fleet = ray_cluster.RayWorkers(made.address, cpus=1)
    assert fleet.check_nodes(["wine"]) == 1
    assert fleet.free == 1
    own = tmp_path / "trial_0000"
    own.mkdir()
    options = command_line.to_config(
        "", tabular_classification.Args(dataset="wine", model="deadly:builder", epochs=1, evaluate="validation")
    )
    options = {name: value for name, value in options.items() if name not in ("recipe", "output")}
    runs = [{"options": options, "output": str(own / "seed-0")}]
    fleet.start("0000", {"recipe": "tabular_classification", "runs": runs, "stop_hopeless": False, "further": None}, own)
    assert (fleet.free, fleet.running()) == (0, ["0000"])
    ended = []
    limit = time.monotonic() + 120
    while not ended and time.monotonic() < limit:
        ended = fleet.finished()
        threading.Event().wait(0.1)
    ((key, outcome),) = ended
    assert key == "0000"
    assert "error" not in outcome, outcome
    assert 0 <= outcome["metrics"]["accuracy"][0] <= 1
    assert (folder / "marker").exists()
    assert json.loads((own / "outcome.json").read_text()) == outcome
    assert (own / "seed-0" / "result.json").exists()
    assert (fleet.free, fleet.running()) == (1, [])


def test_an_address_without_a_cluster_is_one_line():
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=r"--ray 127\.0\.0\.1:1: nobody answers there .*; start a cluster: ray start --head"):
        ray_cluster.RayWorkers("127.0.0.1:1")
