# SPDX-License-Identifier: MIT
"""python3, finding out by itself whether something is wrong with it.

Threads make garbage, with cycles that only the collector frees, and compare what they
computed with what it must be. Commands come on standard input, each is answered by one
line (talker.sh).
"""
import gc
import hashlib
import os
import random
import sys
import threading
import time

THREADS = 4


class Link:
    """Part of a ring: freed by the collector alone."""

    def __init__(self, payload):
        self.payload = payload
        self.next = None


def work(seed):
    numbers = random.Random(seed)
    ring = [Link(bytes(numbers.randrange(256) for _ in range(16))) for _ in range(40)]
    for link, following in zip(ring, ring[1:] + ring[:1]):
        link.next = following
    digest = hashlib.sha256()
    link = ring[0]
    for _ in ring:
        digest.update(link.payload)
        link = link.next
    return digest.hexdigest()


class Program:
    def __init__(self):
        self.value = bytearray(200)
        self.length = 0
        self.kept = {i: 'entry %d' % i for i in range(20000)}
        self.threads = []
        self.lock = threading.Lock()
        self.operations = self.errors = 0

    def work_until(self, end, seed):
        operations = errors = 0
        expected = work(seed)
        while time.monotonic() < end:
            errors += work(seed) != expected
            operations += 1
        with self.lock:
            self.operations += operations
            self.errors += errors

    def keep(self, text):
        self.length = len(text)
        self.value[:self.length] = text.encode()
        return 'kept'

    def run(self, milliseconds):
        end = time.monotonic() + int(milliseconds) / 1000
        self.operations = self.errors = 0
        self.collections = sum(each['collections'] for each in gc.get_stats())
        self.threads = [threading.Thread(target=self.work_until, args=(end, seed), daemon=True)
                        for seed in range(THREADS)]
        for thread in self.threads:
            thread.start()
        return 'running'

    def wait(self):
        for thread in self.threads:
            thread.join()
        # A round in which nothing was collected has tried nothing.
        if sum(each['collections'] for each in gc.get_stats()) == self.collections:
            self.errors += 1
        return '%d %d' % (self.operations, self.errors)

    def busy(self):
        return 'yes' if any(thread.is_alive() for thread in self.threads) else 'no'

    def show(self):
        return self.value[:self.length].decode()

    def check(self):
        wrong = sum(self.kept[i] != 'entry %d' % i for i in range(20000))
        return '%d wrong of %d' % (wrong, len(self.kept))


def main():
    program = Program()
    verbs = {'keep': program.keep, 'run': program.run, 'value': program.show,
             'busy': program.busy, 'wait': program.wait, 'check': program.check}
    print(os.getpid(), flush=True)
    for line in sys.stdin:
        word, *rest = line.rstrip('\n').split(' ', 1)
        print(verbs[word](*rest) if word in verbs else 'what?', flush=True)


main()
