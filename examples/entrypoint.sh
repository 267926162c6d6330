#!/bin/sh
# What many an entrypoint does: prepares something, then starts the server. This shell stays above it.
set -e
echo "Hello from $(hostname)" >/tmp/index.html
"$@"
