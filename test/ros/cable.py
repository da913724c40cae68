"""Two network namespaces and a cable between them that delays and loses frames.

Does in user space what tc's netem does in the kernel, which not every kernel has. Run as a process
of its own, as root; prints "ready" and the descriptor of its first namespace (the second is its
own), then takes lines "LOSS DELAY JITTER" (a share, and seconds) on its standard input.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    """The calling thread, and those that it starts, are in the namespace of this descriptor."""
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def new_namespace(address):
    """Goes into a new one with one interface of this address; the descriptor of its frames."""
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", b"cable", IFF_TAP | IFF_NO_PI))
    for words in (
        f"addr add {address}/24 dev cable",
        "link set cable up",
        "link set lo up",
        "route add 224.0.0.0/4 dev cable",  # DDS's discovery
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return tap


def main():
    taps = [new_namespace("10.77.0.1")]
    first = os.open("/proc/self/ns/net", os.O_RDONLY)
    taps.append(new_namespace("10.77.0.2"))
    print("ready", first, flush=True)
    loss, delay, jitter = 0.0, 0.0, 0.0
    under_way, count = [], 0
    while True:
        wait = None if not under_way else max(0.0, under_way[0][0] - time.monotonic())
        for readable in select.select([*taps, sys.stdin], [], [], wait)[0]:
            if readable is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                loss, delay, jitter = map(float, line.split())
                continue
            frame = os.read(readable, 65536)
            if random.random() >= loss:
                due = time.monotonic() + random.uniform(delay - jitter, delay + jitter)
                count += 1
                heapq.heappush(under_way, (due, count, frame, taps[readable == taps[0]]))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, frame, tap = heapq.heappop(under_way)
            os.write(tap, frame)


if __name__ == "__main__":
    main()
