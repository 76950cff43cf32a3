#!/usr/bin/env python3
"""Starts ONNX Runtime on a network in a fresh process, as sessions_bench does with ours; prints the same JSON.

    memory.py MODEL.onnx

`memory_before` is the process with Python, NumPy and ONNX Runtime loaded and nothing else.
"""
import json
import os
import sys
import time

import numpy as np
import onnxruntime


def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name + ":"))


def main():
    file = os.open(sys.argv[1], os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")  # importing took more memory than what stayed
    before, begin = memory("VmRSS"), time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    started = time.perf_counter()
    feed = {i.name: np.random.rand(*(d if isinstance(d, int) else 1 for d in i.shape)).astype(np.float32)
            for i in session.get_inputs()}
    for i in range(3):
        session.run(None, feed)
        if i == 0:
            first = time.perf_counter()
    print(json.dumps({"start_ms": 1e3 * (started - begin), "first_run_ms": 1e3 * (first - started),
                      "memory_before": before, "memory": memory("VmRSS"), "memory_peak": memory("VmHWM")}))


if __name__ == "__main__":
    main()
