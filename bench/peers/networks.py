#!/usr/bin/env python3
"""peers.py with three more networks: PP-LCNet's page orientation, NSNet2 (100 frames) and the two parts of DTLN.

    networks.py FOLDER-OF-PEERS.PY --what latency --models dtln_1 --engines ort-fp32,ort-dynamic ...
    networks.py FOLDER-OF-PEERS.PY --calibration ppocr-rec FOLDER    that network's calibration feeds, one .npz each

All options but --calibration are those of peers.py, which times the engines in turns. The new networks are fed random
numbers, also where a peer calibrates: their answers are not looked at, and their time does not depend on the values.
"""
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])
import peers  # noqa: E402

zoo_of_peers = peers.zoo


def random_spec(name, path, shapes, batches=(1,), symbols=None, cnn=False):
    """A network whose inputs have these shapes at batch 1; `symbols` names the dimensions that its file leaves open."""
    def feed(batch):
        rng = np.random.default_rng(0)
        return {key: rng.standard_normal((shape[0] * batch, *shape[1:])).astype(np.float32)
                for key, shape in shapes.items()}
    return peers.Spec(name, peers.SHARED / "models" / path, "", lambda: [feed(1)] * 10, lambda run: {}, feed, batches,
                      dims=lambda batch: {k: batch if v is None else v for k, v in (symbols or {}).items()}, cnn=cnn)


def zoo():
    more = [
        random_spec("pplcnet-orientation", "pplcnet-orientation/pplcnet_orientation.onnx", {"x": (1, 3, 224, 224)},
                    (1, 16), {"DynamicDimension.0": None}),
        random_spec("nsnet2", "nsnet2/nsnet2_16k.onnx", {"input": (1, 100, 161)}, symbols={"batch_size": 1, "frames": 100}),
        random_spec("dtln_1", "dtln/dtln_1.onnx", {"input_2": (1, 1, 257), "input_3": (1, 2, 128, 2)}),
        random_spec("dtln_2", "dtln/dtln_2.onnx", {"input_4": (1, 1, 512), "input_5": (1, 2, 128, 2)}),
    ]
    return {**zoo_of_peers(), **{spec.name: spec for spec in more if spec.onnx.exists()}}


def write_calibration(name, folder):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i, feed in enumerate(zoo()[name].calib()):
        np.savez(Path(folder) / f"{i:05}.npz", **feed)


def note_unprepared(options):
    """Engines that could not quantize a network: peers.py leaves them out; here a failed cell says why."""
    path = Path(options["--json"])
    results = json.loads(path.read_text())
    for engine in options["--engines"].split(","):
        state = peers.CACHE / options["--models"] / engine / "prepare.json"
        cells = results["latency"][options["--models"]].setdefault(engine, {})
        if not cells and state.exists():
            error = json.loads(state.read_text()).get("error", "not prepared")
            cells[f"b{options['--batches']}t1"] = {"error": error.splitlines()[0]}
    path.write_text(json.dumps(results, indent=1))


def main(folder, words):
    peers.zoo = zoo
    if words[0] == "--calibration":
        return write_calibration(*words[1:])
    if words[0] == "--prepare-one":
        return peers.prepare_here(*words[1:])
    start = peers.subprocess.run

    def run(command, **options):
        # peers.py quantizes in processes of its own: they start here, so that they know the networks too.
        if "--prepare-one" in command:
            at = command.index("--prepare-one")
            command = [sys.executable, str(Path(__file__).resolve()), folder, *command[at:]]
        return start(command, **options)
    peers.subprocess.run = run
    sys.argv = ["networks.py", *words]
    peers.main()
    note_unprepared(dict(zip(words[::2], words[1::2])))


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), sys.argv[2:])
