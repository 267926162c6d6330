# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, debian, busybox: see below.
# docker run -it and docker exec: terminals, and processes that are not main's.
# From containers.bash and suite.bash: scratch, debian, busybox, start, stops_at_once, check_both, wait_for, same.

check_sessions() {
    check_both 'docker run -it bash has job control' job_control
    check_both 'docker run -it passes on the size of the window, and Ctrl-C once' window_size_and_ctrl_c
    check_both 'docker stop ends docker run -it bash at once, and a job of it saves' shell_hangs_up_its_jobs
    check_both 'docker stop ends an open docker exec -it bash at once' open_session_exits
    check_both 'docker stop ends it at once with a program in its foreground' open_session_exits 'sleep 100' sleep_runs
    check_both 'docker stop lets the processes of docker exec end in order' exec_is_drained
    check_both 'docker stop waits for them when main has gone first' exec_outlives_main
    check_both 'docker stop lets the programs that their traps start come to an end' traps_are_left_in_peace
    check_both 'who detaches from a docker exec -it bash leaves no zombie' detached_session_leaves_nothing

    check_both 'stdin that is closed, a pipe or empty is what main sees' stdin_is_main_s
    check_both 'main goes on when the reader of its stdout has gone' reader_goes_away

    # Docker uses no init there, with or without --init.
    check 'with --pid=host only its own processes are ended' bystanders_live host
    check 'with --pid=container:X only its own processes are ended' bystanders_live container
    check_both 'docker top shows rinit and its tree' docker_top_shows_the_tree
    check_both 'docker logs has all lines in order, those of rinit last' logs_are_in_order
}

# start_terminal COMMAND…: runs COMMAND on a real terminal, which `script` provides. The descriptor keys types, and
# screen_shows reads the screen. Sets script.
start_terminal() {
    screen=$scratch/screen
    rm -f "$screen" "$scratch/keys"
    mkfifo "$scratch/keys"
    script --quiet --flush --return --command "tty >$scratch/tty; exec $*" "$screen" <"$scratch/keys" >/dev/null &
    script=$!
    exec {keys}>"$scratch/keys"
}

type_line() {
    echo "$1" >&"$keys"
}

screen_shows() {
    grep --quiet --extended-regexp -- "$1" "$screen"
}

# terminal_ends STATUS
terminal_ends() {
    local status=0
    wait_for 'the terminal ends' has_exited "$script"
    wait "$script" || status=$?
    exec {keys}>&-
    same 'status at the terminal' "$status" "$1"
}

# The terminal echoes what is typed, so each awaited word is typed with quotes in it.
job_control() {
    local keys script screen
    start_terminal docker run --network none --name tty -it "${debian[@]}" bash --norc
    type_line "echo re''ady"
    wait_for 'bash is ready' screen_shows 'ready'
    type_line 'sleep 100'
    wait_for 'sleep runs' sleep_runs
    printf '\032' >&"$keys" # Ctrl-Z
    wait_for 'bash says that the job stopped' screen_shows 'Stopped +sleep 100'
    type_line "jobs | sed 's/^/jo''b: /'"
    wait_for 'jobs shows the stopped job' screen_shows 'job: .*Stopped +sleep 100'
    type_line 'fg'
    wait_for 'sleep runs again' sleep_runs
    printf '\003' >&"$keys" # Ctrl-C
    type_line "echo sta''tus \$?; exit 5"
    wait_for 'Ctrl-C ends the job' screen_shows 'status 130'
    terminal_ends 5
    if grep --extended-regexp 'no job control|cannot set terminal process group' "$screen"; then
        return 1
    fi
}

sleep_runs() {
    docker exec tty bash -c 'grep --quiet --no-messages "(sleep) S" /proc/[0-9]*/stat'
}

window_size_and_ctrl_c() {
    local keys script screen
    # shellcheck disable=SC2016 # The shell in the container expands it.
    echo '
        trap "stty size" WINCH
        trap "echo interrupted; count=\$((count + 1))" INT
        trap "exit \$((40 + count))" TERM
        echo ready
        # A wait that starts just after the signal would not notice it.
        while :; do sleep 0.1; done' >"$scratch/winch"
    start_terminal docker run --network none --name tty -it --volume "$scratch/winch:/winch:ro" "${debian[@]}" bash /winch
    wait_for 'the shell is ready' screen_shows '^ready'
    # The kernel sends the signal to docker's client, which is in the foreground of this terminal.
    stty -F "$(<"$scratch/tty")" rows 33 cols 77
    wait_for 'the size arrives' screen_shows '^33 77'
    printf '\003' >&"$keys"
    wait_for 'Ctrl-C arrives' screen_shows 'interrupted'
    stops_at_once tty 41
    terminal_ends 41
}

# An interactive shell ignores TERM, so rinit sends it HUP too.
shell_hangs_up_its_jobs() {
    local keys script screen took status
    mkdir "$scratch/saved"
    start_terminal docker run --network none --name tty -it --volume "$scratch/saved:/saved" "${debian[@]}" bash --norc
    type_line "(trap 'sleep 0.2; echo saved >/saved/job; exit' HUP TERM; echo rea''dy; while :; do sleep 0.1; done) &"
    wait_for 'the job is ready' screen_shows 'ready'
    time_stop tty
    same 'status after docker stop' "$status" 129
    ((took < 1000)) || {
        echo "docker stop took $took ms"
        return 1
    }
    terminal_ends 129
    same 'what the job has saved' "$(<"$scratch/saved/job")" saved
    rm -r "$scratch/saved"
}

# open_session_exits [LINE CONDITION]: types LINE in the session and waits until CONDITION holds. Then a stop must close the session:
# an interactive shell ignores TERM, and its user does not type exit.
open_session_exits() {
    open_session "$@"
    stops_at_once tty 143
    wait_for 'docker exec ends' has_exited "$script"
    exec {keys}>&-
}

open_session() {
    start tty "${debian[@]}" tail -f /dev/null
    start_terminal docker exec -it tty bash --norc
    type_line "echo re''ady"
    wait_for 'bash is ready' screen_shows 'ready'
    if (($# > 0)); then
        type_line "$1"
        wait_for "$2" "$2"
    fi
}

# A client that is killed leaves its shell behind, with a program in its foreground.
detached_session_leaves_nothing() {
    local keys script screen
    open_session 'sleep 100' sleep_runs
    kill -KILL "$script"
    exec {keys}>&-
    # shellcheck disable=SC2016 # The shell in the container expands it.
    docker exec tty bash -c 'kill -KILL $(cat /proc/[0-9]*/stat 2>/dev/null | sed -n "/^$$ /d; s/ (bash) S.*//p")'
    wait_for 'no zombie' zombies_are tty 0
    stops_at_once tty 143
}

# shellcheck disable=SC2016 # The shells in the container expand it.
saves_on_term='trap "sleep 0.2; echo $0 saved >/proc/1/fd/1; exit 0" TERM; echo $0 ready >/proc/1/fd/1; while :; do sleep 1000 & wait; done'

exec_is_drained() {
    start box "${busybox[@]}" sh -c "$saves_on_term" main
    docker exec --detach box sh -c "$saves_on_term" first
    docker exec --detach box sh -c "$saves_on_term" second
    three_are_ready
    stops_at_once box 0
    same 'processes that saved' "$(saved)" 'first main second'
}

exec_outlives_main() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box "${busybox[@]}" sh -c 'echo $$ >/tmp/main; while :; do sleep 1; done'
    docker exec --detach box sh -c "$saves_on_term" first
    wait_for 'it is ready' logs_have box '^first ready$'
    # The drain may ask the shell to exit before it exits by itself.
    # shellcheck disable=SC2016 # The shell in the container expands it.
    docker exec box sh -c 'kill -TERM $(cat /tmp/main)' || same 'status of the kill' $? 143
    same 'status' "$(docker wait box)" 143
    same 'processes that saved' "$(saved)" 'first'
}

# The drain finds a process that a trap starts while the drain asks the others.
traps_are_left_in_peace() {
    local number
    start box "${busybox[@]}" sh -c 'echo main ready; exec sleep 1000'
    for number in {1..10}; do
        # shellcheck disable=SC2016 # The shell in the container expands it.
        docker exec --detach box sh -c '
            trap "sleep 0.2 && echo $0 saved >/proc/1/fd/1; exit" TERM
            echo $0 ready >/proc/1/fd/1
            while :; do sleep 1000 & wait; done' "$number"
    done
    for number in main {1..10}; do
        wait_for "$number is ready" logs_have box "^$number ready\$"
    done
    docker stop box >/dev/null
    same 'processes that saved' "$(saved | wc -w)" 10
}

three_are_ready() {
    local name
    for name in main first second; do
        wait_for "$name is ready" logs_have box "^$name ready\$"
    done
}

saved() {
    docker logs box 2>&1 | sed -n 's/ saved$//p' | sort | paste -s -d ' '
}

stdin_is_main_s() {
    # For Docker, a closed stream is /dev/null.
    same 'closed' "$(run --rm "${busybox[@]}" readlink /proc/self/fd/0 <&-)" /dev/null
    same 'a pipe' "$(seq 100000 | run --rm --interactive "${busybox[@]}" tail -n 1)" 100000
    same 'empty' "$(run --rm --interactive "${busybox[@]}" wc -c </dev/null)" 0
}

# The reader of `docker run` without -d exits while main keeps writing.
reader_goes_away() {
    local client
    mkfifo "$scratch/out"
    run --name box "${busybox[@]}" sh -c "$saves_on_term" main >"$scratch/out" 2>&1 &
    client=$!
    read -r _ <"$scratch/out" # And closes it.
    rm "$scratch/out"
    docker exec box sh -c 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i + 1)); done >/proc/1/fd/1'
    wait_for 'the lines are in the log' logs_have box 'line 1999'
    stops_at_once box 0
    wait_for 'the client ends' has_exited "$client"
}

# bystanders_live host|container: another process in the namespace keeps running; an orphan of rinit's own leads a session.
bystanders_live() {
    local bystander where=$1
    start bystander plain sleep 1000
    bystander=$(docker inspect --format '{{.State.Pid}}' bystander)
    [[ $where != container ]] || where=container:bystander
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box --pid "$where" small sh -c '
        (setsid sh -c "trap \"echo orphan saved; exit\" TERM; echo orphan ready; while :; do sleep 1000 & wait; done" &)
        exec sleep 1000'
    wait_for 'the orphan is ready' logs_have box '^orphan ready$'
    stops_at_once box 143
    same 'processes that saved' "$(saved)" orphan
    kill -0 "$bystander"
    same 'bystander' "$(docker inspect --format '{{.State.Running}}' bystander)" true
}

docker_top_shows_the_tree() {
    local pid
    start box "${busybox[@]}" sh -c 'sleep 1000; :'
    wait_for 'the sleep runs' top_has_three
    pid=$(docker inspect --format '{{.State.Pid}}' box)
    docker top box -o pid,ppid,comm
    # rinit is the first process, the shell its child, and sleep the child of the shell.
    same 'tree' "$(docker top box -o pid,ppid,comm | awk -v top="$pid" '
        $1 == top { printf "init" }
        $2 == top { printf " %s", $3; shell = $1 }
        shell && $2 == shell { printf " %s", $3 }')" 'init sh sleep'
}

top_has_three() {
    (($(docker top box | wc -l) == 4))
}

logs_are_in_order() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box "${busybox[@]}" sh -c 'i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i + 1)); done >&2; kill -KILL $$'
    same 'status' "$(docker wait box)" 137
    same 'lines' "$(docker logs box 2>&1 | sed -n 's/^line //p')" "$(seq 0 4999)"
    [[ $(docker logs --tail 1 box 2>&1) == 'rinit[1]: WARN: main process '*' was killed by SIGKILL'* ]]
}
