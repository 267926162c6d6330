# shellcheck shell=bash
# shellcheck disable=SC2154 # debian: see below.
# Signals, sent in each way that Docker offers.
# From containers.bash and suite.bash: debian, busybox, start, stops_at_once, logs_have, check_both, wait_for, same.

check_signals() {
    check_both 'docker kill delivers every signal once, and docker exec kill does' signals_arrive
    check_both 'docker stop sends the signal of --stop-signal' stop_signals_arrive QUIT RTMIN+3 USR1 RTMAX
    check_both 'docker stop sends the STOPSIGNAL of the image, a real-time one' stop_signal_of_the_image_arrives
    check_both 'what libc keeps for itself, 32 and 33, arrives too: main dies of it' hidden_signals_arrive
    check_both 'docker kill ends all at once, with status 137' docker_kill_ends_all
    check_both 'docker restart stops in order and starts again' docker_restart_stops_in_order
    check_both 'a paused container gets its signals when it goes on' paused_container_gets_signals
    check_both 'kill -9 1 from inside does nothing' kill_9_1_does_nothing
    check_both 'kill -TERM 1 from inside stops in order' kill_term_1_stops_in_order
}

# start_trap_shell [OPTION…] -- SIGNAL…: starts a program that prints each signal that it gets, and exits at the last. It takes them one
# by one and misses none, unlike a shell with traps between two commands.
start_trap_shell() {
    local options=() signal signals=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    for signal; do
        signals+=("$signal=$(kill -l "$signal")")
    done
    start shell "${options[@]}" "${debian[@]}" python3 -c '
import signal, sys
names = {int(number): name for name, number in (word.split("=") for word in sys.argv[1:])}
signal.pthread_sigmask(signal.SIG_BLOCK, names)
print("ready", flush=True)
for number in iter(lambda: signal.sigwait(names), None):
    print("got", names[number], flush=True)
    if number == list(names)[-1]:
        sys.exit(9)' "${signals[@]}"
    wait_for 'it is ready' logs_have shell '^ready$'
}

signals_arrive() {
    local number signal signals=()
    for number in {1..31} {34..64}; do
        signal=$(kill -l "$number")
        case $signal in
            KILL | STOP | CHLD | TERM) ;; # The first two cannot be forwarded. The third concerns rinit's own children. The last is sent last.
            *) signals+=("$signal") ;;
        esac
    done
    start_trap_shell -- "${signals[@]}" TERM
    for signal in "${signals[@]}"; do
        docker kill --signal "$signal" shell >/dev/null
        wait_for "$signal arrives" last_line_is "got $signal"
    done
    docker exec shell bash -c 'kill -USR1 1'
    wait_for 'USR1 arrives from inside' last_line_is 'got USR1'
    docker kill --signal TERM shell >/dev/null
    same 'status' "$(docker wait shell)" 9

    same 'what arrived' \
        "$(docker logs shell 2>/dev/null | sed -n 's/^got //p' | paste -s -d ' ')" "${signals[*]} USR1 TERM"
}

last_line_is() {
    [[ $(last_line) == "$1" ]]
}

# Lines of the program only: on a slow machine rinit may report a slow stop in between.
last_line() {
    docker logs shell 2>/dev/null | tail -n 1
}

# stop_signals_arrive SIGNAL…
stop_signals_arrive() {
    local signal
    for signal; do
        start_trap_shell --stop-signal "$signal" -- "$signal"
        stops_at_once shell 9
        same 'last line' "$(last_line)" "got $signal"
        docker rm shell >/dev/null
    done
}

stop_signal_of_the_image_arrives() {
    # The last argument is the image.
    local image=${debian[-1]}
    printf '%s\n' "FROM $image" 'STOPSIGNAL SIGRTMIN+3' | build stopsignal
    local debian=("${debian[@]:0:${#debian[@]}-1}" stopsignal)
    start_trap_shell -- RTMIN+3
    stops_at_once shell 9
}

# Docker refuses to send these; busybox's kill sends them.
hidden_signals_arrive() {
    local number
    for number in 32 33; do
        start "signal$number" "${busybox[@]}" sh -c 'echo ready; exec sleep 1000'
        wait_for 'it is ready' logs_have "signal$number" '^ready$'
        # The drain may ask it to exit before it exits by itself.
        docker exec "signal$number" /busybox kill "-$number" 1 || same 'status of the kill' $? 143
        same 'status' "$(docker wait "signal$number")" $((128 + number))
    done
}

docker_kill_ends_all() {
    local pid
    start_trap_shell -- TERM
    pid=$(docker inspect --format '{{.State.Pid}}' shell)
    docker kill shell >/dev/null
    same 'status' "$(docker wait shell)" 137
    wait_for 'PID 1 is gone' has_exited "$pid"
    same 'last line' "$(last_line)" ready
}

docker_restart_stops_in_order() {
    start_trap_shell -- TERM
    docker restart shell >/dev/null
    wait_for 'the shell is ready again' last_line_is ready
    same 'log' "$(docker logs shell | paste -s -d ' ')" 'ready got TERM ready'
    stops_at_once shell 9
}

# docker kill refuses while it is paused, so the signal is sent to rinit from the outside.
paused_container_gets_signals() {
    local pid
    start_trap_shell -- USR1 TERM
    pid=$(docker inspect --format '{{.State.Pid}}' shell)
    docker pause shell >/dev/null
    kill -USR1 "$pid"
    same 'last line while paused' "$(last_line)" ready
    docker unpause shell >/dev/null
    wait_for 'USR1 arrives' last_line_is 'got USR1'
    stops_at_once shell 9
}

kill_9_1_does_nothing() {
    start_trap_shell -- USR1 TERM
    docker exec shell bash -c 'kill -KILL 1'
    docker exec shell bash -c 'kill -USR1 1'
    wait_for 'USR1 arrives after that' last_line_is 'got USR1'
    stops_at_once shell 9
}

kill_term_1_stops_in_order() {
    start_trap_shell -- TERM
    # The drain may ask this shell to exit, too.
    docker exec shell bash -c 'kill -TERM 1' || same 'status of the kill' $? 143
    same 'status' "$(docker wait shell)" 9
    same 'last line' "$(last_line)" 'got TERM'
}
