#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""kill-container.py ATOMIC KILL-AT PRISTINE WORK STEP NAME[,NAME...] COMMAND...

Runs `atomic COMMAND...` in copies of the root PRISTINE, and stops it once at every STEP-th call that changes a file system:
by kill -9, by EIO and by ENOSPC.  Then recovery, by `atomic recover` and, after a kill, also by the command itself in another
copy: what is there must be exactly what was before or what the undisturbed command makes of it, nothing may be left over, and the
command must do what it does once more.  Prints the number of points, or what went wrong.

Most points leave what another one left, byte for byte: that is judged once.
"""

import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

ATOMIC, KILL_AT, PRISTINE, WORK, STEP = sys.argv[1:6]
NAMES = sys.argv[6].split(',')
COMMAND = sys.argv[7:]
CHECKOUTS = 'var/lib/containers/atomic'
DATABASES = {'var/lib/rpm': ['rpm', '--dbpath', '/var/lib/rpm', '-qa', '--root'], 'var/lib/dpkg': ['dpkg', '--list', '--root']}
ENV = {**os.environ, 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0'}
# What a command says that leaves something to recovery.
UNFINISHED = ('could not be taken back', 'tries again')
TEMPORARY = re.compile(r'(^|/)\.[^/]*\.[A-Za-z0-9]{6}(/|$)|/\.lock-[^/]*$')
# What a command that has nothing to do any more may say.
IDLE = ('already present', 'Latest version', 'is live already', "no container '")


def run(argv):
    done = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode('utf-8', 'replace')


def atomic(root, *words):
    return run([ATOMIC, '--root', root, *words])


def content(path):
    if os.path.basename(path).startswith('package.'):
        return 'made anew each time'
    with open(path, 'rb') as file:
        data = file.read()
    if os.path.basename(path) == 'info':
        info = json.loads(data)
        del info['created'], info['values']['UUID']
        return json.dumps(info, sort_keys=True)
    return hashlib.sha256(data).hexdigest()


def snapshot(root):
    """Path -> what it is; without the repository, and without those directories of the host that are nobody's files."""
    found = {}
    for directory, folders, files in os.walk(root):
        below = os.path.relpath(directory, root)
        if below == CHECKOUTS:
            folders.remove('.storage')
        if below in DATABASES:
            *argv, root_option = DATABASES[below]
            found[below] = run([*argv, root_option + '=' + root])[1]
            del folders[:], files[:]
        for name in folders + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            key = os.path.join(below, name)
            if stat.S_ISLNK(st.st_mode):
                found[key] = '-> ' + os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                found[key] = '%o %d %s' % (st.st_mode, st.st_uid, content(path))
            elif key.startswith((CHECKOUTS + '/', 'usr/', 'opt/', 'srv/', './usr', './opt', './srv')):
                found[key] = 'directory %o' % st.st_mode
    return found


def spare(key, new):
    """May it stay when the command succeeds: a deployment that it could not remove, which it says, or a lock of nothing."""
    below = os.path.relpath(key, CHECKOUTS).split('/')[0]
    for name in NAMES:
        if below == '.lock-' + name:
            return os.path.join(CHECKOUTS, name) not in new
        if below.startswith('.tmp-' + name + '.') or (below.startswith(name + '.') and os.path.join(CHECKOUTS, below) not in new):
            return True
    return False


def without_spare(got, new):
    return {key: got[key] for key in got if not spare(key, new)}


def differences(got, wanted):
    return ['%s: %s instead of %s' % (key, got.get(key), wanted.get(key))
            for key in sorted(set(got) | set(wanted)) if got.get(key) != wanted.get(key)]


def copy(name):
    root = os.path.join(WORK, name)
    subprocess.run(['cp', '-a', PRISTINE, root], check=True)
    return root


def again(root, new, pure):
    """The command once more, after which all is new, and what could not be removed before may be gone."""
    before = snapshot(root)
    status, text = atomic(root, *COMMAND)
    if status != 0 and not (before == new and any(words in text for words in IDLE)):
        return ['the command again: status %d: %s' % (status, text)]
    got = snapshot(root)
    return [] if got == pure else ['the command again: ' + line for line in differences(got, new)]


def judge_next_command(root, new):
    status, text = atomic(root, *COMMAND)
    if status != 0 and not any(words in text for words in IDLE):
        return ['the next command: status %d: %s' % (status, text)]
    got = snapshot(root)
    for name in NAMES:
        if os.path.join(CHECKOUTS, name) not in new:
            got.pop(os.path.join(CHECKOUTS, '.lock-' + name), None)
    return ['the next command: ' + line for line in differences(got, new)]


def judge(root, old, new, pure, by_command):
    """What is wrong with what was left.  @new may have what @pure has not: what could not be removed."""
    if by_command:
        other = root + '-next'
        subprocess.run(['cp', '-a', root, other], check=True)
        wrong = judge_next_command(other, new)
        shutil.rmtree(other)
        if wrong:
            return wrong
    status, text = atomic(root, 'containers', 'list', '-a')
    if status != 0:
        return ['list: status %d: %s' % (status, text)]
    status, text = atomic(root, 'recover')
    if status != 0:
        return ['recover: status %d: %s' % (status, text)]
    got = snapshot(root)
    if got not in (old, new):
        return ['neither old nor new: ' + line for line in min(differences(got, old), differences(got, new), key=len)]
    status, text = atomic(root, 'recover')
    if status != 0 or text or snapshot(root) != got:
        return ['recover again: status %d: %s' % (status, text)]
    return again(root, new, pure)


JUDGED = set()


def is_known(root, *more):
    """Has the very same been judged already?  Random parts of temporary names do not count, nor do times."""
    found = []
    for directory, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(directory, name)
            st = os.lstat(path)
            what = ''
            if stat.S_ISLNK(st.st_mode):
                what = os.readlink(path)
            elif stat.S_ISREG(st.st_mode):
                try:
                    what = content(path)
                except (ValueError, KeyError):  # an info that is not whole
                    what = open(path, 'rb').read()
            key = re.sub(r'\.[A-Za-z0-9]{6}(?=/|$)', '.XXXXXX', os.path.relpath(path, root))
            found.append((key, st.st_mode, st.st_uid, st.st_nlink, what))
    state = hashlib.sha256(repr((sorted(found, key=repr), more)).encode()).digest()
    known = state in JUDGED
    JUDGED.add(state)
    return known


def point(mode, n, old, new):
    name = '%s-%d' % (mode, n)
    root = copy(name)
    count = os.path.join(WORK, name + '.count')
    error = [] if mode == 'kill' else ['--error', mode]
    status, text = run([KILL_AT, count, str(n), *error, '--', ATOMIC, '--root', root, *COMMAND])
    wrong, pure = [], new
    if mode == 'kill' and status != 137 and open(count, encoding='ascii').read().strip() != str(n - 1):
        wrong = ['status %d instead of being killed: %s' % (status, text)]
    elif mode != 'kill' and status not in (0, 1):
        wrong = ['status %d: %s' % (status, text)]
    elif mode != 'kill' and status == 0:
        got = snapshot(root)
        kept = ' stays: ' in text
        wrong = ['it said that it succeeded: ' + line for line in differences(without_spare(got, new), new)]
        if kept:
            new = {**new, **{key: got[key] for key in got if spare(key, new) and '/.' not in key}}
    elif mode != 'kill' and COMMAND[0] != 'recover' and not any(words in text for words in UNFINISHED):
        # It has taken it back itself, but for temporary files that it cannot remove.
        got, wanted = ({key: what for key, what in files.items() if not TEMPORARY.search(key)} for files in (snapshot(root), old))
        wrong = ['it said nothing of what is left: %s (%s)' % (line, text.strip()) for line in differences(got, wanted)]
    elif mode != 'kill' and 'could not be taken back' in text and not glob.glob(os.path.join(root, CHECKOUTS, '.[jg]*')):
        wrong = ['nothing tells recovery what to try again: ' + text.strip()]
    if not wrong and not is_known(root, mode == 'kill', sorted(new.items())):
        wrong = judge(root, old, new, pure, mode == 'kill')
    shutil.rmtree(root)
    return ['%s at %d: %s' % (mode, n, line.strip()) for line in wrong]


def main():
    os.makedirs(WORK)
    ENV['TMPDIR'] = WORK  # a package manager that is killed leaves its own
    step = int(STEP)
    root = copy('whole')
    count = os.path.join(WORK, 'whole.count')
    status, text = run([KILL_AT, count, '0', '--', ATOMIC, '--root', root, *COMMAND])
    if status != 0:
        sys.exit('status %d: %s' % (status, text))
    with open(count, encoding='ascii') as file:
        calls = int(file.read())
    old, new = snapshot(PRISTINE), snapshot(root)
    shutil.rmtree(root)
    if old == new or calls < 10:
        sys.exit('it does nothing')
    jobs = [('kill', n) for n in range(1, calls + 1, step)]
    # In the short form errors are tried at some of these, not at the same for both.
    spacing = step if os.environ.get('SC_ROUNDS') == 'all' else 5 * step
    for offset, mode in enumerate(('EIO', 'ENOSPC')):
        jobs += [(mode, n) for n in range(1 + (2 * offset if spacing > 1 else 0), calls + 1, spacing)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = sum(pool.map(lambda job: point(*job, old, new), jobs), [])
    if wrong:
        sys.exit('\n'.join(wrong[:40]))
    print(len(jobs), 'points in', calls, 'calls,', len(JUDGED), 'outcomes')
    shutil.rmtree(WORK)


main()
