#!/usr/bin/env python3
"""Training steps of PyTorch (the peers' training.py) and ours, in processes of their own that take turns.

    training.py FOLDER-OF-PEERS.PY build/bench/training_bench RESNET20.onnx OUT.json [--rounds 6] [--turns 2]

Of PyTorch's two memory layouts the faster counts. Peak memory is that of each process. Without the peers' folder ("-")
ours runs alone.
"""
import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path


def peer(path, network, kind, layout, threads, rounds):
    """In a process of its own: the least milliseconds of a step and the peak bytes."""
    import torch
    torch.set_num_threads(threads)
    source = Path(path).read_text()
    names = {}
    exec(compile(source[:source.rindex("\nmain()")], path, "exec"), names)  # all but the call at its end
    model, shape = names[network]()
    if kind == "qat":
        model = names["qat"](model, shape)
    step = names["stepper"](model, shape, torch.channels_last if layout == "nhwc" else torch.contiguous_format)
    times = []
    for _ in range(rounds + 2):
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return {"min_ms": min(times[2:]), "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def run(words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["failed"])[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def merge(old, new):
    """The faster of two runs, with the larger peak."""
    if old is None or "error" in old or "error" in new:
        return new
    return {**min(old, new, key=lambda r: r["min_ms"]), "peak_bytes": max(old["peak_bytes"], new["peak_bytes"])}


def measure(options, network, kind, threads):
    here, tool = [sys.executable, __file__], str(Path(options.peers) / "training.py")
    model = options.model if network == "resnet20" else "small"
    octet = [options.command, model, "--threads", str(threads), "--rounds", str(options.rounds), "--json"]
    engines = {"octet": octet + (["--qat", "octet"] if kind == "qat" else [])}
    if options.peers != "-":
        for layout in "nchw", "nhwc":
            engines[layout] = here + ["--peer", tool, network, kind, layout, str(threads), str(options.rounds)]
    row = {"network": network, "kind": kind, "threads": threads, **dict.fromkeys(engines)}
    for _ in range(options.turns):
        for name, words in engines.items():
            row[name] = merge(row[name], run(words))
    text = ", ".join(f"{name} {row[name].get('min_ms', row[name].get('error'))}" for name in engines)
    print(f"training {network} {kind} {threads} threads: {text}", file=sys.stderr, flush=True)
    return row


def main():
    if sys.argv[1] == "--peer":
        path, network, kind, layout, threads, rounds = sys.argv[2:]
        return print(json.dumps(peer(path, network, kind, layout, int(threads), int(rounds))))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers"), parser.add_argument("command"), parser.add_argument("model"), parser.add_argument("out")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    networks = (["resnet20"] if Path(options.model).exists() else []) + ["small"]
    rows = [measure(options, network, kind, threads) for network in networks for kind in ("fp32", "qat")
            for threads in (1, 2)]
    Path(options.out).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
