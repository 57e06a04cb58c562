#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts test cases in meson's logs: tally.py NAME=testlog.json ...

A program of cmocka tests counts as its cases, one that speaks TAP as its lines,
anything else as one. A program that ended badly without naming a failed case
counts as one more failure. Prints what failed and what was skipped, and last
one plain line "N passed, N failed". Exit status 1 when anything failed.
"""
import collections
import json
import re
import sys

BAD = {'FAIL', 'TIMEOUT', 'ERROR', 'INTERRUPT', 'UNEXPECTEDPASS'}
CMOCKA_PASSED = re.compile(r'^\[       OK \] ', re.M)
CMOCKA_SKIPPED = re.compile(r'^\[  SKIPPED \] (\w+)$', re.M)
CMOCKA_FAILED = re.compile(r'^\[  FAILED  \] (\w+)$', re.M)
TAP = re.compile(r'^(ok|not ok)\b(?:.*?#\s*(skip))?', re.M | re.I)
SKIPPED = re.compile(r'^skipped: (.*)$', re.M)
SKIPPED_PART = re.compile(r'^skipped in part: (.*)$', re.M)


def cases(test):
    """Passed, failed and the names of the failed cases of one test program."""
    text = test.get('stdout') or ''
    passed = len(CMOCKA_PASSED.findall(text))
    # A failed case is named where it runs and, on stderr, once more in the summary: some logs have both.
    names = list(dict.fromkeys(CMOCKA_FAILED.findall(text)))
    if not passed and not names:
        lines = [(word.lower(), skip) for word, skip in TAP.findall(text)]
        passed = sum(word == 'ok' and not skip for word, skip in lines)
        names = ['case %d' % n for n, (word, skip) in enumerate(lines, 1)
                 if word == 'not ok' and not skip]
    if test['result'] in BAD and not names:
        names = [test['result'].lower()]
    if test['result'] not in BAD and not passed and not names and not CMOCKA_SKIPPED.search(text):
        passed = 1
    return passed, names


def main():
    passed = failed = skipped = cases_skipped = 0
    in_part = collections.Counter()
    for argument in sys.argv[1:]:
        label, path = argument.split('=', 1)
        with open(path, encoding='utf-8') as log:
            for line in log:
                test = json.loads(line)
                if test['result'] == 'SKIP':
                    skipped += 1
                    reason = SKIPPED.search(test.get('stdout') or '')
                    print('skipped: %s: %s: %s' % (label, test['name'],
                                                   reason.group(1) if reason else 'no reason'))
                    continue
                in_part.update(set(SKIPPED_PART.findall(test.get('stdout') or '')))
                cases_skipped += len(set(CMOCKA_SKIPPED.findall(test.get('stdout') or '')))
                good, names = cases(test)
                passed += good
                failed += len(names)
                for name in names:
                    print('failed: %s: %s: %s' % (label, test['name'], name))
    if not passed and not failed:
        print('no test ran')
        failed = 1
    print('%d programs skipped' % skipped)
    print('%d cases skipped of programs that ran' % cases_skipped)
    for reason, programs in in_part.items():
        print('%d programs skipped in part: %s' % (programs, reason))
    print('%d passed, %d failed' % (passed, failed))
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
