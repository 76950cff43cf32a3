#!/usr/bin/env python3
"""Runs a command and says how much memory it took, file pages and its own apart (Linux, standard library only).

    tests/large/peak_memory.py build/octet quantize large.onnx --weights int8 -o small.onnx

    peak resident: everything at once, pages of mapped files included (what `time -v` calls maximum resident)
    peak own:      anonymous and shared memory only, sampled every 2 ms: what the command needs beyond mapped files
"""
import os
import sys
import time


def sizes(pid):
    out = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            key, _, rest = line.partition(":")
            if key in ("RssAnon", "RssShmem"):
                out[key] = int(rest.split()[0]) * 1024
    return out


def main():
    pid = os.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    own = 0
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        try:
            own = max(own, sum(sizes(pid).values()))
        except OSError:
            pass
        time.sleep(0.002)
    sys.stderr.write(f"peak resident {usage.ru_maxrss * 1024 / 1e6:.1f} MB, peak own {own / 1e6:.1f} MB\n")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
