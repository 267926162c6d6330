# shellcheck shell=bash
# What the scripts share that show rinit on an engine of today: how they fail, the binary, checks, and what a run leaves in the
# table of docs/engines.md.

# shellcheck source=tests/engines/lib/checks.bash
. tests/engines/lib/checks.bash

die() { echo "${0##*/}: $1" >&2; exit 1; }

# rinit_binary [FILE]: its absolute path; '' builds the one that is released.
rinit_binary() {
    local file=${1:-}
    [[ $file ]] || file=$(packaging/build-musl | tail -n 1)
    realpath -e "$file"
}

# check NAME COMMAND…: COMMAND, a function as a rule, fails if what NAME says is not so. What it wrote is shown in that case.
# Not to be called in a condition: bash would ignore `set -e` in the subshell too.
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
