#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# load.sh [N]: a service under load through N (50) gated updates and rollbacks, one after the other, and through as many of its plain
# `systemctl restart`, in turn; in a booted system (tests/booted), asked 500 times a second by tests/load.c.  BUILD=dir has the program.
SC_BUILD=$(realpath "${BUILD:-build}")
here=$(dirname "$(realpath "$0")")
. "$here/../tests/lib.sh"
. "$here/../tests/booted/lib.sh"
rounds=${1:-50}

hello_layout "$T/hello-world"
cat > "$T/load" <<END
rounds=$rounds
END
cat >> "$T/load" <<'END'
under_load() { # ROW COMMAND...
  local row=$1 line status=0
  shift
  line=$(/build/tests/load 8081 "$@" 2> /tmp/load.err) || status=$?
  check "$*" test "$status" = 0
  [ "$status" = 0 ] || cat /tmp/load.err
  echo "row $row $line"
}
check "install" atomic install -n web --set RECEIVER=0 oci:/t/hello-world
check "start" atomic run web
check "it answers" until_true get 8081
for ((n = 1; n <= rounds; n++)); do
  if [ $((n % 2)) = 1 ]; then
    under_load update atomic containers update web --gated --probation 1 --set RECEIVER=$n
  else
    under_load rollback atomic containers rollback web
  fi
  under_load restart systemctl restart web
done
END
SC_BOOT_TIMEOUT=$((120 + 30 * rounds)) boot "load" "$T/load" > "$T/log"
if [ "$FAILED" != 0 ]; then
  cat "$T/log" >&2
  exit 1
fi
printf '\nA service under load through %d gated updates and rollbacks, and as many restarts\n\n' "$rounds"
awk '
  BEGIN { split("update rollback restart", order); print "| | times | requests | lost | lost each time | gaps | longest gap ms | mean gap ms |\n| --- | --- | --- | --- | --- | --- | --- | --- |" }
  $1 == "row" { times[$2]++; requests[$2] += $3; lost[$2] += $4; gaps[$2] += $5; sum[$2] += $6; if ($6 > longest[$2]) longest[$2] = $6
                if ($5 > 1) many++ }
  function line(name, a, b,   n) {
    n = times[a] + times[b]
    printf "| %s | %d | %d | %d | %.1f | %d | %.0f | %.0f |\n", name, n, requests[a] + requests[b], lost[a] + lost[b], (lost[a] + lost[b]) / n, gaps[a] + gaps[b], (longest[a] > longest[b] ? longest[a] : longest[b]) / 1000, (sum[a] + sum[b]) / n / 1000
    mean[name] = (lost[a] + lost[b]) / n
    gap[name] = (sum[a] + sum[b]) / n
  }
  END {
    line("gated update", "update"); line("rollback", "rollback"); line("both", "update", "rollback"); line("systemctl restart", "restart")
    printf "\nupdates and rollbacks / restarts: %.2f of the lost requests, %.2f of the gap\n", mean["both"] / mean["systemctl restart"], gap["both"] / gap["systemctl restart"]
    if (many) { print many " times there was more than one gap"; exit 1 }
  }' "$T/boot.log"
