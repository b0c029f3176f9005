#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""run-checks.py --build DIR SUITE...: runs the test suites and counts single checks.

unit         every test program that meson knows (`meson introspect --tests`)
integration  tests/integration/test-*.sh
booted       tests/booted/test-*.sh
power        tests/power/test-*.sh

The slow ones are started first, so that all processors are busy until the end; each is reported when it has ended.

Each program prints TAP; one that ends early, by a signal or with a status that its lines do not explain counts as a
failure of its own.  The last line is "N passed, N failed, N skipped"; the exit status is 1 if anything failed, and
under CI (CI=true) also if anything was skipped.
"""

import argparse
import collections
import concurrent.futures
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOG_LINES = 60
# Those that take longest, longest first; of no effect but on the time that all take.
SLOW = ['power', 'update-kill', 'verify-kill', 'config-vs-skopeo', 'kill', 'update', 'concurrency', 'hopeless-registry', 'service',
        'trust', 'recovery', 'failures', 'subprocess', 'context', 'parallel', 'sigstore', 'resume', 'run']
Test = collections.namedtuple('Test', 'suite name argv env cwd timeout')
LIVE = set()
Result = collections.namedtuple('Result', 'passed failed skipped seconds log problems')


def introspect(build, what):
    return json.loads(subprocess.check_output(['meson', 'introspect', what, build]))


def find_tests(suite, build, env):
    if suite == 'unit':
        return [Test(suite, t['name'], t['cmd'], {**env, **t['env']}, t['workdir'] or build, t['timeout'])
                for t in introspect(build, '--tests')]
    scripts = sorted(glob.glob(os.path.join(SOURCE, 'tests', suite, 'test-*.sh')))
    rounds = os.environ.get('SC_ROUNDS') or '2'
    limit = 7200 if rounds == 'all' else 1200 if suite != 'power' else 600 + 180 * int(rounds)
    return [Test(suite, os.path.basename(s)[5:-3], ['bash', s], env, SOURCE, limit) for s in scripts]


def parse_tap(text):
    """-> passed, failed, [reasons of skips], [lines of failures], planned (None: no plan)"""
    passed, failed, skips, problems, planned = 0, 0, [], [], None
    for line in text.splitlines():
        plan = re.match(r'1\.\.(\d+)(\s*#\s*skip\s*(.*))?', line, re.I)
        check = re.match(r'(not )?ok\b\s*(.*)', line)
        if plan:
            planned = int(plan.group(1))
            if plan.group(2):
                skips.append(plan.group(3))
        elif line.startswith('Bail out!'):
            problems.append(line)
        elif check and re.search(r'#\s*skip', check.group(2), re.I):
            skips.append(check.group(2))
        elif check and check.group(1):
            failed += 1
            problems.append(line)
        elif check:
            passed += 1
    return passed, failed, skips, problems, planned


def run(test):
    begin = time.monotonic()
    process = subprocess.Popen(test.argv, cwd=test.cwd, env=test.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    LIVE.add(process)
    late = False
    try:
        out = process.communicate(timeout=test.timeout)[0]
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGTERM)  # scripts clean up after themselves
        try:
            out = process.communicate(timeout=30)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out = process.communicate()[0]
    LIVE.discard(process)
    text = out.decode('utf-8', 'replace')
    passed, failed, skips, problems, planned = parse_tap(text)
    done = passed + failed + len(skips)
    extra = None
    if late:
        extra = 'not finished after %d s' % test.timeout
    elif process.returncode != 0 and not failed:
        extra = 'ended with status %d' % process.returncode
    elif planned is None:
        extra = 'ended without a plan'
    elif planned > 0 and planned != done:
        extra = 'ran %d of %d checks' % (done, planned)
    if extra:
        failed += 1
        problems.append('%s: %s' % (test.name, extra))
    return Result(passed, failed, skips, time.monotonic() - begin, text, problems)


def report(test, result):
    word = 'FAIL' if result.failed else 'SKIP' if not result.passed else 'ok'
    print('%-4s %-34s %4d passed%s  %.1f s' % (
        word, test.suite + '/' + test.name, result.passed,
        ', %d failed' % result.failed if result.failed else '', result.seconds))
    for reason in result.skipped:
        print('     skipped: ' + reason)
    if result.failed:
        lines = [x for x in result.log.splitlines() if not re.match(r'# \w+-DEBUG: ', x)]
        if len(lines) > LOG_LINES:
            print('     | ... %d lines before' % (len(lines) - LOG_LINES))
        for line in lines[-LOG_LINES:]:
            print('     | ' + line)
        for line in result.problems:
            print('     ' + line)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default='build')
    # One more: many tests wait for something most of the time.
    parser.add_argument('--jobs', type=int, default=os.cpu_count() + 1)
    parser.add_argument('--tally', help='append the counts to this file')
    parser.add_argument('--only', default='', help='regular expression that the test name must match')
    parser.add_argument('suite', nargs='+', choices=['unit', 'integration', 'booted', 'power'])
    options = parser.parse_args()
    build = os.path.abspath(options.build)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell's background jobs ignore it, and the tests would with them.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    env = dict(os.environ, SC_BUILD=build, SC_SOURCE=SOURCE, SC_ATOMIC=os.path.join(build, 'src/cli/atomic'))
    values = {o['name']: o['value'] for o in introspect(build, '--buildoptions')}
    env['SC_SANITIZE'] = '' if values.get('b_sanitize', 'none') == 'none' else values['b_sanitize']
    if env['SC_SANITIZE']:
        env.setdefault('ASAN_OPTIONS', 'detect_leaks=1:abort_on_error=0')
        env.setdefault('UBSAN_OPTIONS', 'halt_on_error=1:print_stacktrace=1')

    tests = [t for suite in options.suite for t in find_tests(suite, build, env) if re.search(options.only, t.name)]
    tests.sort(key=lambda t: SLOW.index(t.name) if t.name in SLOW else len(SLOW))
    passed = failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(run, t): t for t in tests}
        try:
            for future in concurrent.futures.as_completed(running):
                result = future.result()
                report(running[future], result)
                passed += result.passed
                failed += result.failed
                skipped += len(result.skipped)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(LIVE):
                os.killpg(process.pid, signal.SIGTERM)
            raise SystemExit(130) from None
    if not tests:
        print('no tests found')
        failed += 1
    if options.tally:
        with open(options.tally, 'a', encoding='ascii') as tally:
            tally.write('%d %d %d\n' % (passed, failed, skipped))
    strict = os.environ.get('CI') == 'true'
    if strict and skipped:
        print('under CI a skipped check is a failure')
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed or (strict and skipped) else 0)


main()
