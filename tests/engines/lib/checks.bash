# shellcheck shell=bash
# Checks and counts statements, and waits for events.

passed=0 failed=0

# tally NAME STATUS DETAILS: counts and prints a check that exited with STATUS and wrote the file DETAILS.
tally() {
    if (($2 == 0)); then
        passed=$((passed + 1))
        echo "ok $1"
    else
        failed=$((failed + 1))
        echo "FAILED $1: $(cat "$3") (status $2)"
    fi
}

# wait_for WHAT COMMAND…: returns as soon as COMMAND succeeds. The limit is only a safety net, so it is generous.
wait_for() {
    local what=$1 limit=${LIMIT:-30}
    local end=$((SECONDS + limit))
    shift
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            echo "$what: not so within $limit s"
            return 1
        fi
        sleep 0.05
    done
}

# same WHAT GOT WANTED
same() {
    [[ $2 == "$3" ]] || {
        echo "$1: got '$2', wanted '$3'"
        return 1
    }
}

# The last line of a script: fails if a check did.
conclude() {
    echo "$passed passed, $failed failed"
    ((passed > 0 && failed == 0))
}
