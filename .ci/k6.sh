#!/usr/bin/env bash
# Builds k6 where it is missing and Go is there; without it the load tests are skipped and say so.
set -u
command -v k6 >/dev/null && exit 0
[ -x "${GOPATH:-$HOME/go}/bin/k6" ] && exit 0
if ! command -v go >/dev/null; then
  echo 'k6: not installed, and no Go to build it (the load tests are skipped)'
  exit 0
fi
timeout 8m go install go.k6.io/k6@latest || echo 'k6 could not be built (the load tests are skipped)'
