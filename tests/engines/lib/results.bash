# shellcheck shell=bash
# Shared by the scripts that test rinit on current engines: failing, the binary, checks, and results for the table of
# docs/engines.md.

# shellcheck source=tests/engines/lib/checks.bash
. tests/engines/lib/checks.bash

die() { echo "${0##*/}: $1" >&2; exit 1; }

# rinit_binary [FILE]: prints the absolute path of FILE, or builds the released binary.
rinit_binary() {
    local file=${1:-}
    [[ $file ]] || file=$(packaging/build-musl | tail -n 1)
    realpath -e "$file"
}

# check NAME COMMAND…: COMMAND, usually a function, fails if the statement NAME does not hold; then its output is shown. Must not
# be called in a condition: bash would ignore `set -e` in the subshell too.
check() {
    local name=$1 status details
    shift
    details=$(mktemp)
    set +e
    (set -e && "$@") >"$details" 2>&1 </dev/null
    status=$?
    set -e
    tally "$name" "$status" "$details"
    rm -f "$details"
}

# took_less MILLISECONDS COMMAND…
took_less() {
    local limit=$1 began=${EPOCHREALTIME/./} took
    shift
    "$@"
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    ((took < limit)) || {
        echo "took $took ms: $*"
        return 1
    }
}

# result ENGINE VERSION WHAT FILE: a line for the table in docs/engines.md, which tests/engines/matrix makes, in the file that
# RINIT_RESULTS names. FILE is what the checks wrote: "ok NAME" for each that holds, "FAILED NAME: …" for each that does not.
result() {
    local held all
    held=$(grep -c '^ok ' "$4" || true)
    all=$(grep -c -E '^(ok|FAILED) ' "$4" || true)
    ((all > 0)) || die 'no check was made'
    [[ -z ${RINIT_RESULTS-} ]] || printf '%s\t%s\t%s\t%s of %s\n' "$1" "$2" "$3" "$held" "$all" >>"$RINIT_RESULTS"
}
