#!/bin/sh
# Like many entrypoints: prepares something, then starts the server. This shell stays its parent.
set -e
echo "Hello from $(hostname)" >/tmp/index.html
"$@"
