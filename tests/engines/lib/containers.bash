# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # scratch: from suite.bash; debian, busybox: for the checks.
# Starts, inspects and stops containers.
# From suite.bash and checks.bash: check, wait_for, same, scratch.

# check_both NAME COMMAND…: checks it with rinit as the image's entrypoint, and as the init of `docker run`. Between the options
# and the command of a container, COMMAND puts the array debian or busybox.
check_both() {
    local name=$1 debian=(debian) busybox=(small)
    shift
    check "$name" "$@"
    debian=(--init base) busybox=(--init plain)
    check "$name, under docker run --init" "$@"
}

# The containers need no network. A hostname, so that it is the same in all.
run() {
    docker run --network none --hostname box "$@"
}

# start NAME ARGUMENT…: starts a container in the background.
start() {
    run --detach --name "$@" >/dev/null
}

logs_have() {
    # No pipe: grep exits at the first match, and with pipefail the broken pipe would count as a failure.
    grep --quiet --extended-regexp -- "$2" <<<"$(docker logs "$1" 2>&1)"
}

logs_must_have() {
    logs_have "$1" "$2" || {
        echo "no '$2' in the logs: $(docker logs --tail 20 "$1" 2>&1)"
        return 1
    }
}

# time_stop NAME: docker stop. Sets took (ms) and status.
time_stop() {
    local began=${EPOCHREALTIME/./}
    docker stop "$1" >/dev/null
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    status=$(docker inspect --format '{{.State.ExitCode}}' "$1")
}

# stops_at_once NAME STATUS: docker stop does not wait for a grace period, and then the status is STATUS. Under docker run --init
# a process that handles SIGTERM, and is left behind by a main that handles it, is asked only after a second.
stops_at_once() {
    local took status
    time_stop "$1"
    ((took < 3000)) || {
        echo "docker stop took $took ms"
        return 1
    }
    same 'status after docker stop' "$status" "$2"
}

# ends STATUS TEXT ARGUMENT…: checks that docker run ARGUMENT… exits with STATUS, and that its output contains TEXT.
ends() {
    local wanted=$1 text=$2 status=0
    shift 2
    run --name run "$@" >"$scratch/said" 2>&1 || status=$?
    # docker run uses 125 to 127 itself, for a container that it couldn't start: then there is an error.
    same "docker's own error" "$(docker inspect --format '{{.State.Error}}' run)" ''
    same "status (it said: $(cat "$scratch/said"))" "$status" "$wanted"
    [[ $(cat "$scratch/said") == *"$text"* ]] || {
        echo "no '$text' in: $(cat "$scratch/said")"
        return 1
    }
}

# zombies_are NAME COUNT
zombies_are() {
    [[ $(docker exec "$1" /busybox sh -c 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "') == "$2" ]]
}

pid_1_is() {
    [[ $(docker exec "$1" cat /proc/1/comm) == "$2" ]]
}

# Each round leaves a process whose parent exits at once.
# shellcheck disable=SC2016 # The shell in the container expands it.
orphan_loop='i=0; while [ $i -lt COUNT ]; do ( : & ); i=$((i + 1)); done; echo all started'
