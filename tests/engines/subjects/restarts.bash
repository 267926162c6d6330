# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, busybox, cgroup, rinit: see below.
# Docker's restart policies, live-restore, early stops and health checks.
# From containers.bash, dockerd.bash and suite.bash: busybox, start, stops_at_once, zombies_are, spawn_dockerd, end_child, has_exited, check_both, wait_for, same.

check_restarts() {
    # They run in parallel with the other checks.
    : "${health_checks:=30}"
    start_health_checks

    check_both '--restart no starts nothing again' nothing_restarts no 0 1 143 137
    check_both '--restart on-failure:3 does not after status 0' nothing_restarts on-failure:3 0
    check_both '--restart on-failure:3 does three times after 1, 143 and KILL' restarts_three_times 1 143 137
    check_both '--restart always does after 0, 1, 143 and KILL' always_restarts always 0 1 143 137
    check_both '--restart unless-stopped does after 0, 1, 143 and KILL' always_restarts unless-stopped 0 1 143 137
    check_both 'no policy restarts what docker stop has ended' stopped_stays_stopped

    check_both 'docker stop twice at once stops once' stop_twice_at_once
    check_both "a stop during the start ends in order, ${stops_during_start:=50} times" stop_during_start
    check "health checks, $health_checks of them one a second, leave no zombie and no growth" health_checks_leave_nothing
    remove_containers all
    check 'a container outlives a restart of the engine, and stops in order (live-restore)' live_restore
}

# The command that exits with STATUS, or is killed by a signal so that this is its status.
ending_with() {
    case $1 in
        143) echo 'kill -TERM $$' ;;
        137) echo 'kill -KILL $$' ;;
        *) echo "exit $1" ;;
    esac
}

# start_each POLICY STATUS…: starts a container for each STATUS, at once.
start_each() {
    local policy=$1 status
    shift
    for status; do
        start "exit$status" --restart "$policy" "${busybox[@]}" sh -c "$(ending_with "$status")"
    done
}

# state NAME: prints the number of restarts, the state, and the last status.
state() {
    docker inspect --format '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' "$1"
}

state_is() {
    [[ $(state "$1") == "$2" ]]
}

# "exited" is final: a container that docker starts again is "restarting" meanwhile.
nothing_restarts() {
    local status
    start_each "$@"
    for status in "${@:2}"; do
        wait_for "it ends with $status" state_is "exit$status" "0 exited $status"
    done
}

restarts_three_times() {
    local status
    start_each on-failure:3 "$@"
    for status; do
        wait_for "three restarts after $status" state_is "exit$status" "3 exited $status"
    done
}

always_restarts() {
    local status
    start_each "$@"
    for status in "${@:2}"; do
        wait_for "two restarts after $status" restarted_twice "exit$status"
    done
}

restarted_twice() {
    (($(docker inspect --format '{{.RestartCount}}' "$1") >= 2))
}

stopped_stays_stopped() {
    local policy
    for policy in on-failure:3 always unless-stopped; do
        start "${policy%:*}" --restart "$policy" "${busybox[@]}" sleep 1000
        stops_at_once "${policy%:*}" 143
        same "after the stop: $policy" "$(state "${policy%:*}")" '0 exited 143'
    done
}

stop_twice_at_once() {
    local other
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box "${busybox[@]}" sh -c '
        (trap "sleep 0.3; echo other saved; exit" TERM; echo other ready; while :; do sleep 1000 & wait; done) &
        trap "sleep 0.3; echo main saved; exit 9" TERM
        echo main ready; while :; do sleep 1000 & wait; done'
    wait_for 'main is ready' logs_have box '^main ready$'
    wait_for 'the other is ready' logs_have box '^other ready$'
    docker stop box >/dev/null &
    other=$!
    stops_at_once box 9
    wait "$other"
    same 'log' "$(docker logs box | sort | paste -s -d ,)" 'main ready,main saved,other ready,other saved'
}

# In several lanes, as on a machine that starts many containers.
stop_during_start() {
    local lane lanes=()
    for lane in 1 2 3 4 5; do
        stop_in_lane "$lane" &
        lanes+=($!)
    done
    for lane in "${lanes[@]}"; do
        wait "$lane"
    done
}

stop_in_lane() {
    local i starting name=lane$1 began first second asked there in_order=0
    docker create --name "$name" --network none --env RINIT_LOG=debug "${busybox[@]}" sleep 1000 >/dev/null
    for ((i = 0; i < stops_during_start / 5; i++)); do
        began=$(date +%s.%N)
        docker start "$name" >/dev/null &
        starting=$!
        sleep "0.$(printf %03d $((RANDOM % 400)))"
        first=$(date +%s%N)
        docker stop "$name" >/dev/null
        wait "$starting"
        # The stop may have come before the container existed.
        second=$(date +%s%N)
        docker stop "$name" >/dev/null
        if state_is "$name" '0 exited 143'; then
            in_order=$((in_order + 1))
            continue
        fi
        # Before rinit has started, runc gets the TERM, and ignores it (137) or exits (2).
        docker logs --timestamps --since "$began" "$name" >"$scratch/$name.log" 2>&1
        [[ -s $scratch/$name.log ]] || continue
        there=$(head -n 1 "$scratch/$name.log" | cut -d ' ' -f 1 | date --file - +%s%N)
        asked=$(docker events --since "$began" --until "$(date +%s.%N)" --filter "container=$name" --filter event=kill \
            --format '{{.Actor.Attributes.signal}} {{.TimeNano}}' | sed -n 's/^15 //p' | tail -n 1)
        # The event comes once the TERM has been sent, which may take a while.
        ((asked > second)) && asked=$second || asked=$first
        if grep 'SIGTERM from outside' "$scratch/$name.log" || ((there < asked)); then
            cat "$scratch/$name.log"
            same "end $i in $name" "$(state "$name")" '0 exited 143'
        fi
    done
    ((in_order > 0)) || {
        echo "none of the ends in $name was in order"
        return 1
    }
}

# Each health check leaves an orphan, which exits a moment later.
start_health_checks() {
    local health=(--label stays --health-interval 1s --health-cmd 'sleep 0.3 & echo >>/tmp/checks') name
    start entrypoint "${health[@]}" small sleep 1000
    start init "${health[@]}" --init plain sleep 1000
    for name in entrypoint init; do
        wait_for 'the first checks' checked "$name" 3
        size_of "$name"
    done >"$scratch/health"
}

health_checks_leave_nothing() {
    local name
    for name in entrypoint init; do
        LIMIT=$((health_checks * 5)) wait_for "$health_checks checks" checked "$name" "$health_checks"
        wait_for 'no zombie' zombies_are "$name" 0
        same 'health' "$(docker inspect --format '{{.State.Health.Status}}' "$name")" healthy
    done
    same 'memory and descriptors of PID 1' "$(size_of entrypoint && size_of init)" "$(<"$scratch/health")"
    stops_at_once entrypoint 143
    stops_at_once init 143
}

checked() {
    (($(docker exec "$1" sh -c 'wc -l </tmp/checks') >= $2))
}

# rinit's private memory and open descriptors.
size_of() {
    docker exec "$1" sh -c 'sed -n "s/^RssAnon:[ \t]*//p" /proc/1/status; ls /proc/1/fd | wc -l' | paste -s -d ' '
}

# A separate engine, which is stopped and started while its container runs.
live_restore() {
    local pid folder=$scratch/live
    mkdir "$folder"
    export DOCKER_HOST=unix://$folder/docker.sock
    # In the subshell of this check `dockerd` is the daemon started here: it is stopped in any case.
    trap 'remove_containers; end_child "$dockerd"' EXIT
    spawn_dockerd "$folder" --live-restore
    docker import - plain <"$scratch/plain.tar" >/dev/null
    start box --init plain sh -c '
        (trap "sleep 0.2; echo other saved; exit" TERM; echo other ready; while :; do sleep 1000 & wait; done) &
        trap "echo main saved; exit 9" TERM
        while :; do sleep 1000 & wait; done'
    wait_for 'the other is ready' logs_have box '^other ready$'
    pid=$(docker inspect --format '{{.State.Pid}}' box)
    end_child "$dockerd"
    kill -0 "$pid"
    spawn_dockerd "$folder" --live-restore
    same 'PID 1 after the restart' "$(docker inspect --format '{{.State.Pid}}' box)" "$pid"
    stops_at_once box 9
    same 'log' "$(docker logs box | paste -s -d ,)" 'other ready,main saved,other saved'
}
