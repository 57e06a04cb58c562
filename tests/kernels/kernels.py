#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the test programs on other kernels: kernels.py BUILD [RUN or TEST...]

Debian's kernels are downloaded below BUILD, never installed, and started in virtual
machines (qemu, with KVM where there is some) that have nothing but the test programs:
no disk, no network. Each machine runs all programs and says on its console how they
ended. Prints a table, what failed and what was skipped, and last one plain line
"N passed, N failed". Exit status 1 when anything failed.
"""
import gzip
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TALLY = os.path.join(HERE, '..', 'tally.py')

# What Debian calls its current kernel of a line.
KERNELS = {'6.1': 'linux-image-cloud-amd64', '6.12': 'linux-image-6.12-cloud-amd64'}

# Name, kernel, command line, settings for init.sh.
RUNS = [
    ('6.1', '6.1', '', {}),
    ('6.12', '6.12', '', {}),
    ('6.12-never', '6.12', 'proc_mem.force_override=never', {}),
    ('6.12-ptrace', '6.12', 'proc_mem.force_override=ptrace', {}),
    ('6.12-yama', '6.12', '', {'as_nobody': '1', 'yama': '1'}),
]

SUITES = {'unit', 'api', 'space'}
# 5 GiB of memory, and variations that only play an older kernel.
NOT_HERE = {'once'}
# The longest programs run one of so many of their cases (tests/lib/harness.h).
SHARE, SHARE_EMULATED = 7, 150
# What takes minutes where every instruction is emulated.
LONG = {'kinds_received', 'region_walks', 'between', 'caller_buffer', 'caller_buffer_received', 'copy', 'copy_received', 'find', 'in_use', 'liar',
        'lists', 'long', 'matrix', 'matrix_received', 'page_query_received', 'region_calls', 'reuse',
        'space_limits', 'tasks', 'verdict'}
# A machine that says nothing for so long, in seconds, has stopped; one with KVM before its first word.
SILENCE, SILENCE_AT_FIRST = 600, 30
# How much longer a program may take where every instruction is emulated, on a machine that does other work.
PATIENCE = 10


def say(text):
    print('check-kernels: ' + text, file=sys.stderr, flush=True)


def fetch(kernel, where):
    """The unpacked package of a kernel: the paths of its image and its modules."""
    package = subprocess.run(['apt-cache', 'depends', KERNELS[kernel]], check=True,
                             capture_output=True, text=True).stdout
    found = re.search(r'Depends: (linux-image-\S+)', package)
    if not found:
        sys.exit('check-kernels: there is no package ' + KERNELS[kernel])
    tree = os.path.join(where, found.group(1))
    if not os.path.isdir(tree):
        say('fetching ' + found.group(1))
        os.makedirs(tree + '.new', exist_ok=True)
        subprocess.run(['apt-get', 'download', '-q', found.group(1)], check=True,
                       cwd=tree + '.new', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deb = [name for name in os.listdir(tree + '.new') if name.endswith('.deb')][0]
        subprocess.run(['dpkg', '-x', deb, 'x'], check=True, cwd=tree + '.new')
        os.rename(os.path.join(tree + '.new', 'x'), tree)
        shutil.rmtree(tree + '.new')
    image = [name for name in os.listdir(os.path.join(tree, 'boot')) if name.startswith('vmlinuz-')][0]
    return (os.path.join(tree, 'boot', image),
            os.path.join(tree, 'lib', 'modules', image[len('vmlinuz-'):]))


class Archive:
    """An initramfs: a cpio archive in the form "newc"."""

    def __init__(self):
        self.data = bytearray()
        self.names = set()

    def _entry(self, name, mode, content=b'', device=(0, 0)):
        fields = (len(self.names) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, device[0], device[1],
                  len(name) + 1, 0)
        self.data += b'070701' + b''.join(b'%08X' % field for field in fields)
        self.data += name.encode() + b'\0'
        self.data += b'\0' * (-len(self.data) % 4) + content
        self.data += b'\0' * (-len(self.data) % 4)
        self.names.add(name)

    def folder(self, name):
        if name and name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, 0o040755)

    def file(self, name, content, mode=0o100755):
        if name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, mode, content)

    def copy(self, path, name=None):
        with open(path, 'rb') as file:
            self.file((name or path).lstrip('/'), file.read())

    def program(self, path, name=None):
        """A program and the libraries that it needs, where it looks for them."""
        self.copy(path, name)
        listed = subprocess.run(['ldd', path], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r'(/\S+) \(0x', listed):
            self.copy(library, os.path.normpath(library))

    def finish(self):
        self._entry('dev/console', 0o020600, device=(5, 1))
        self._entry('TRAILER!!!', 0)
        return bytes(self.data)


def tests_of(build, kvm, chosen):
    listed = subprocess.run(['meson', 'introspect', '--tests', build], check=True,
                            capture_output=True, text=True).stdout
    for test in json.loads(listed):
        suites = {suite.split(':')[-1] for suite in test['suite']}
        environment = dict(test['env'])
        if test['name'] not in chosen if chosen else not kvm and test['name'] in LONG:
            continue
        # What has arguments needs more of this machine: files, a compiler.
        wanted = chosen or (suites & SUITES and len(test['cmd']) == 1)
        if wanted and not suites & NOT_HERE and 'MACHVM_TEST_REFUSE' not in environment:
            yield test['name'], int(test['timeout']), environment, test['cmd'][0]


def initramfs(build, modules, settings, kvm, chosen):
    archive = Archive()
    lines = []
    for folder in ('proc', 'sys', 'dev', 'tmp', 'modules', 'lib', 'bin', 'usr/bin'):
        archive.folder(folder)
    archive.file('etc/passwd', b'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n', 0o100644)
    archive.copy('/bin/busybox', 'bin/busybox')
    archive.program('/usr/bin/setpriv', 'usr/bin/setpriv')
    archive.copy(os.path.join(HERE, 'init.sh'), 'init')
    for name, limit, environment, program in tests_of(build, kvm, chosen):
        archive.program(program)
        environment.setdefault('MACHVM_TEST_SHARE', str(SHARE if kvm else SHARE_EMULATED))
        lines.append('%s %d %s %s' % (name, limit if kvm else PATIENCE * limit, ';'.join(
            '%s=%s' % pair for pair in environment.items()), program))
    # Loaded by pthread_exit(3).
    archive.copy('/lib/x86_64-linux-gnu/libgcc_s.so.1')
    for victim in ('victim', 'victim32'):
        path = os.path.join(build, 'tests', 'victim', victim)
        if os.path.exists(path):
            archive.program(path)
    fuse = os.path.join(modules, 'kernel', 'fs', 'fuse', 'fuse.ko')
    if os.path.exists(fuse):
        archive.copy(fuse, 'modules/fuse.ko')
    archive.file('tests', ('\n'.join(lines) + '\n').encode())
    archive.file('settings', ''.join('%s=%s\n' % pair for pair in settings.items()).encode())
    return gzip.compress(archive.finish(), 1)


class Machine:
    """One virtual machine; its console is read line by line."""

    def __init__(self, image, initrd, arguments, kvm):
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', '-machine', 'q35',
             *(['-accel', 'kvm', '-cpu', 'host'] if kvm else
               ['-accel', 'tcg,thread=multi', '-cpu', 'max']),
             '-m', '2048', '-smp', '2', '-kernel', image, '-initrd', initrd,
             '-append', 'console=ttyS0 quiet loglevel=1 panic=-1 secretmem.enable=1 ' + arguments,
             '-nodefaults', '-display', 'none', '-serial', 'stdio', '-nic', 'none', '-no-reboot'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.rest = b''

    def lines(self, silence):
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            while waiting.select(silence):
                silence = SILENCE
                data = os.read(self.process.stdout.fileno(), 65536)
                if not data:
                    return
                *whole, self.rest = (self.rest + data).split(b'\n')
                for line in whole:
                    yield line.decode(errors='replace').rstrip('\r')
        yield '@ silent'

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


RESULTS = {0: 'OK', 77: 'SKIP', 137: 'TIMEOUT'}


def run(name, image, initrd, arguments, kvm, log):
    """Starts a machine and writes meson's kind of log. The kernel's version, None if it never ran."""
    machine = Machine(image, initrd, arguments, kvm)
    version, test, output, ended = None, None, [], 'the machine stopped'
    try:
        for line in machine.lines(SILENCE_AT_FIRST if kvm else SILENCE):
            word = line.split()
            if line.startswith('@ kernel '):
                version = word[2]
            elif line.startswith('@ begin '):
                test, output = word[2], []
            elif line.startswith('@ end ') and word[2] == test:
                json.dump({'name': test, 'result': RESULTS.get(int(word[3]), 'FAIL'),
                           'stdout': '\n'.join(output)}, log)
                log.write('\n')
                log.flush()
                if RESULTS.get(int(word[3]), 'FAIL') not in ('OK', 'SKIP'):
                    print('\n'.join('%s: %s: %s' % (name, test, line) for line in output),
                          file=sys.stderr)
                test, output = None, []
            elif line == '@ done':
                ended = None
                break
            elif line.startswith('KVM internal error'):
                ended = line
                break
            elif line == '@ silent':
                ended = 'the machine said nothing for too long'
            else:
                output.append(line)
    finally:
        machine.end()
    if ended and version:
        print('\n'.join(output), file=sys.stderr)
        json.dump({'name': test or 'machine', 'result': 'ERROR', 'stdout': ended}, log)
        log.write('\n')
    return version


def count(path):
    with open(path, encoding='utf-8') as log:
        results = [json.loads(line)['result'] for line in log]
    good, skipped = results.count('OK'), results.count('SKIP')
    return good, skipped, len(results) - good - skipped


def main():
    build = os.path.abspath(sys.argv[1])
    known = [name for name, *_ in RUNS]
    wanted = [name for name in sys.argv[2:] if name in known] or known
    chosen = [name for name in sys.argv[2:] if name not in known]
    where = os.path.join(build, 'kernels')
    os.makedirs(where, exist_ok=True)
    kvm = os.access('/dev/kvm', os.R_OK | os.W_OK)
    logs, table = [], []
    for name, kernel, arguments, settings in RUNS:
        if name not in wanted:
            continue
        image, modules = fetch(kernel, where)
        initrd, path = os.path.join(where, name + '.initrd'), os.path.join(where, name + '.json')
        start, version = time.monotonic(), None
        while not version:
            with open(initrd, 'wb') as file:
                file.write(initramfs(build, modules, settings, kvm, chosen))
            say('%s, %s' % (name, 'with KVM' if kvm else 'emulated'))
            with open(path, 'w', encoding='utf-8') as log:
                version = run(name, image, initrd, arguments, kvm, log)
            os.unlink(initrd)
            # There is a KVM that runs no kernel but its own kind (PVM).
            if not version and not kvm:
                break
            kvm = kvm and version
        table.append('%-12s %-28s %4d good %4d skipped %4d bad %5d s' % (
            name, version, *count(path), time.monotonic() - start))
        logs.append('%s=%s' % (name, path))
    print('\n'.join(table), flush=True)
    return subprocess.run([TALLY, *logs], check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
