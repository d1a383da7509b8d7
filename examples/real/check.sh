#!/usr/bin/env bash
# Runs the two recipes of this folder over real logs and compares what they wrote with what
# unzip, jq, sort, uniq, awk and sed make of the same files.
#
#   examples/real/check.sh SLUICE DATA
#
# SLUICE is the binary, DATA the folder with windows/*.zip and zeek/apt29_day1.ndjson.
set -euo pipefail

if (($# != 2)); then
  echo "usage: $0 SLUICE DATA" >&2
  exit 3
fi
sluice=$(realpath "$1")
data=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# Data and work folder lie anywhere: the root is what they have in common.
run() { "$sluice" run --root / --progress none "$here/$1.yaml" -p data="$data" -p out="$work/$1.got" 2>"$work/$1.table"; }

# compare NAME: the recipe's file against what this script made.
compare() {
  if ! cmp "$work/$1.want" "$work/$1.got"; then
    diff "$work/$1.want" "$work/$1.got" | head -n 20
    echo "$1: differs"
    exit 1
  fi
  echo "$1: equal, $(wc -l <"$work/$1.want") lines"
}

# Counts of started programs. Equal counts stand in the order in which the keys came:
# cat -n numbers the keys, sort puts that number second.
for archive in "$data"/windows/*.zip; do unzip -p "$archive"; done |
  jq -r 'select(.SourceName == "Microsoft-Windows-Sysmon" and .EventID == 1) | .Image | ascii_downcase' >"$work/images"
cat -n "$work/images" | sort -k2 -k1,1n | uniq -c -f1 |
  sort -k1,1nr -k2,2n | head -n 20 |
  sed -E 's/^ *([0-9]+) +[0-9]+\t(.*)$/\1\t\2/' |
  jq -cR 'split("\t") | {key: .[1], count: (.[0] | tonumber)}' >"$work/processes.want"

TIMEFORMAT='%R %U %S'
took=$({ time run processes; } 2>&1)
compare processes
records=$(awk '$1 == "events" {gsub(",", "", $3); print $3}' "$work/processes.table")
awk -v n="$records" '{printf "processes: %d records in %.1f s, %d records/s, %.0f µs of CPU each; start and end of the process included\n", n, $1, n / $1, ($2 + $3) * 1e6 / n}' <<<"$took"

# Names that were looked up, each where it came first, with dots in brackets.
jq -r 'select(."@stream" == "dns") | .query | strings' "$data/zeek/apt29_day1.ndjson" |
  cat -n | sort -k2 -k1,1n | uniq -f1 | sort -n | cut -f2- |
  sed -E 's/\./[.]/g' >"$work/dns.want"
run dns
compare dns
