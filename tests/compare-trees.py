#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-trees.py A B: says every difference between two trees in paths, types, modes, owners, sizes, contents, link
targets, devices and extended attributes; status 1 if there is one."""

import importlib.util
import os
import sys

spec = importlib.util.spec_from_file_location(
    'listtree', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'list-tree.py'))
listtree = importlib.util.module_from_spec(spec)
spec.loader.exec_module(listtree)

a, b = (listtree.tree(top) for top in sys.argv[1:3])
differences = 0
for path in sorted(a.keys() | b.keys()):
    if a.get(path) != b.get(path):
        differences += 1
        print('%s\n  %s\n  %s' % (listtree.show(path), a.get(path, 'missing'), b.get(path, 'missing')))
print('%d paths, %d differences' % (len(a), differences))
sys.exit(1 if differences or len(a) < 2 else 0)
