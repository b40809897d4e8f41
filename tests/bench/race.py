"""Runs commands in turn on one core, round after round, and prints the median speed and the most memory of each.

`race.py ROUNDS` reads lines from standard input: label, bytes handled, and the command, with tabs between. `CORES` says where.
"""

import os
import resource
import statistics
import subprocess
import sys
import time


def run(command):
    """Seconds, and the most KiB that any process of it held."""
    begun = time.perf_counter()
    process = subprocess.Popen(["taskset", "-c", os.environ.get("CORES", "0"), "bash", "-o", "pipefail", "-c", command])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"`{command}` ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss


contenders = [line.rstrip("\n").split("\t") for line in sys.stdin if line.strip()]
runs = [[] for _ in contenders]
for _ in range(int(sys.argv[1])):
    for (_, _, command), own in zip(contenders, runs):
        own.append(run(command))
for (label, size, _), own in zip(contenders, runs):
    seconds = statistics.median(each for each, _ in own)
    held = max(kib for _, kib in own)
    # A process inherits the mark of the one it was started by: less than this cannot be told.
    least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = f"{held / 1024:.1f}" if held > 1.05 * least else f"< {least / 1024:.0f}"
    print(f"{label:34} {int(size) / 1e6 / seconds:>10.0f} MB/s {memory:>9} MiB")
