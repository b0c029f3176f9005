#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-completion.sh ATOMIC SOURCE: does the completion for bash offer what it should?  TAP on standard output.
set -u
atomic=$(realpath "$1") source=$2
tests=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# shellcheck disable=SC1091
. "$source/data/completions/atomic.bash"

# The line is typed as "atomic ..."; the program under test is the one that is found by that name.
mkdir "$tmp/bin" "$tmp/checkouts"
ln -s "$atomic" "$tmp/bin/atomic"
PATH=$tmp/bin:$PATH
export ATOMIC_OSTREE_CHECKOUT_PATH=$tmp/checkouts
for name in etcd etcd-two flannel; do
  mkdir -p "$tmp/checkouts/$name.0"
  echo '{"image": "'$name'", "revision": "0", "created": 0}' > "$tmp/checkouts/$name.0/info"
  echo '{"process": {"args": ["x"]}}' > "$tmp/checkouts/$name.0/config.json"
  ln -s "$name.0" "$tmp/checkouts/$name"
done

# offers LINE WORD...: completing LINE at its end gives these words
offers() {
  COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
  shift
  _atomic
  tests=$((tests + 1))
  if [ "${COMPREPLY[*]}" = "$*" ]; then
    echo "ok $tests $COMP_LINE"
  else
    echo "not ok $tests '$COMP_LINE' offers '${COMPREPLY[*]}', not '$*'"
  fi
}

offers 'atomic ' pull images install uninstall containers recover run stop mount unmount diff trust help
offers 'atomic u' uninstall unmount
offers 'atomic --debug im' images
offers 'atomic images ' list info version update tag delete prune verify help
offers 'atomic containers ' list info update rollback history delete pin unpin
offers 'atomic containers delete fl' flannel
offers 'atomic images list --no' --noheading --no-trunc
offers 'atomic install --r' --runtime --rootfs --root
offers 'atomic stop ' etcd etcd-two flannel
offers 'atomic  stop  fl' flannel
offers 'atomic uninstall nothing'
offers 'atomic run -d etcd-' etcd-two
offers 'atomic run etcd --'
offers 'atomic install --runtime /usr'
offers 'atomic install --set A='
offers 'atomic __'
echo "1..$tests"
