#!/usr/bin/env bash
# Runs a command, `go test` with its arguments, and then prints the figures that its tests
# kept. The exit code is the command's.
set -uo pipefail
SLUICE_FIGURES=$(mktemp)
export SLUICE_FIGURES
trap 'rm -f "$SLUICE_FIGURES"' EXIT
"$@"
code=$?
printf '\nWhat was measured:\n'
sort "$SLUICE_FIGURES" | sed 's/^/  /'
exit $code
