# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch: see below.
# What rinit tells of a slow stop, of main's end, and of who is there.
# From the other parts: repo, start, logs_have, logs_must_have, check, wait_for, same, scratch.

# What only the hint for each cause says.
declare -A hints=(
    [shell]='acts on SIGTERM only when its foreground child'
    [ignores]='ignores SIGTERM; STOPSIGNAL can choose another'
    [blocks]='blocks SIGTERM and does not take it'
    [stopped]='is stopped and cannot act on SIGTERM'
    [uninterruptible]='is in uninterruptible sleep'
    [unsignalled]='--target all would reach it'
    [zombie]='is a zombie: its parent'
    [nested]='is PID 1 of a namespace of its own'
)

# A main that handles TERM and goes on. What comes before it makes it a parent.
# shellcheck disable=SC2016 # perl expands it.
perl_main='$SIG{TERM} = sub {}; $| = 1; print "ready\n"; sleep 1 while 1'

check_reports() {
    # shellcheck disable=SC2016 # The shells and perls in the containers expand it.
    local behind='trap "exit 0" TERM; echo ready; setsid sleep 1000; :' \
        alone='trap "exit 0" TERM; echo ready; sleep 1000; :' \
        ignores='trap "" TERM; echo ready; exec sleep 1000' \
        blocks='use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); ' \
        stops='$pid = fork || exec "sleep", 1000; kill STOP => $pid; ' \
        elsewhere='fork || setpgrp && exec "sleep", 1000; ' \
        dies='fork || exit; ' \
        nested='unshare --pid --fork sh -c "echo ready; exec sleep 1000"'
    local shell
    for shell in bash sh; do
        check "a slow stop tells of a shell that waits for its child: Debian's $shell" \
            hint_is shell example "$shell" -c "$behind"
    done
    check "a slow stop tells of a shell that waits for its child: busybox's" hint_is shell small sh -c "$behind"
    check 'where the target is main the child of such a shell gets the signal too: docker run --init' \
        shell_stops --init plain sh -c "$behind"
    check 'the same with RINIT_TARGET=main' shell_stops --env RINIT_TARGET=main small sh -c "$alone"
    check 'a slow stop tells of a process that ignores the signal' hint_is ignores small sh -c "$ignores"
    check 'a slow stop tells of a process that blocks the signal' hint_is blocks example perl -e "$blocks$perl_main"
    check 'a slow stop tells of a process that is stopped' hint_is stopped example perl -e "$stops$perl_main"
    # The test suite's own program: a parent sleeps so while the child that it made by vfork(2) runs.
    # A machine that is apart has no cargo, and finds it built.
    ! type -P cargo >/dev/null || (cd "$repo" && cargo build --quiet --example puppet)
    check 'a slow stop tells of a process in uninterruptible sleep' \
        hint_is uninterruptible --volume "$repo/target/debug/examples/puppet:/puppet:ro" small \
        /puppet play handle TERM vfork '[' say ready pause ']' pause
    check 'a slow stop tells of a process outside the group' \
        hint_is unsignalled example perl -e "$elsewhere$perl_main"
    check 'a slow stop tells of a zombie and its parent' hint_is zombie example perl -e "$dies$perl_main"
    check 'a slow stop tells of the init of a nested namespace' \
        hint_is nested --cap-add SYS_ADMIN --security-opt seccomp=unconfined --user root \
        example sh -c "exec $nested"
    check 'a slow stop blames nobody who handles the signal and takes its time' \
        hint_is '' example perl -e "$perl_main"

    check 'running out of memory is told' out_of_memory_is_told small sh
    check 'running out of memory is told under docker run --init' out_of_memory_is_told --init plain sh
    check 'running out of memory is told in an image FROM scratch' out_of_memory_is_told bare /busybox sh
    check 'running out of memory is told where a shell passes it on' out_of_memory_behind_a_shell_is_told
    check 'a kill by somebody else is not called that' a_kill_is_told

    check 'the report shows a zombie and its parent in an image FROM scratch' report_shows_a_zombie /rinit bare /busybox
    check 'the report does so under docker run --init' \
        report_shows_a_zombie /sbin/docker-init --init --entrypoint /busybox bare
    check 'the report in JSON is one object a line' report_in_json

    check 'why main ended badly is in a bound /dev/termination-log' \
        termination_log_has 3 'main process [0-9]+ \(sh\) exited with status 3' example sh -c 'exit 3'
    check 'it is there under docker run --init' \
        termination_log_has 3 'main process [0-9]+ \(sh\) exited with status 3' --init plain sh -c 'exit 3'
    # shellcheck disable=SC2016 # The shell in the container expands it.
    local hog='x=0123456789; while :; do x=$x$x; done' reason='main process [0-9]+ \(sh\) was killed by SIGKILL: out of memory.*'
    check 'that main ran out of memory is there' termination_log_has 137 "$reason" --memory 16m small sh -c "$hog"
    check 'it is there under docker run --init too' termination_log_has 137 "$reason" --memory 16m --init plain sh -c "$hog"
    check "a main's own message in /dev/termination-log stays" \
        termination_log_has 3 'my own' small sh -c 'echo my own >/dev/termination-log; exit 3'
    check 'a main that exits with 0 leaves /dev/termination-log empty' termination_log_has 0 '' small sh -c 'exit 0'
}

# termination_log_has STATUS LINE ARGUMENT…: after docker run ARGUMENT…, which ends with STATUS, the file that is bound as the
# kubelet does it has LINE, an extended regular expression, and no other; '' for an empty file.
termination_log_has() {
    local status=$1 line=$2 file=$scratch/termination-log
    shift 2
    rm -f "$file"
    install -m 0666 /dev/null "$file"
    ends "$status" '' --volume "$file:/dev/termination-log" "$@"
    if [[ $line ]]; then
        same 'lines' "$(wc -l <"$file")" 1
        grep --quiet --line-regexp --extended-regexp -- "$line" "$file" || {
            echo "no '$line' in: $(cat "$file")"
            return 1
        }
    else
        same 'content' "$(cat "$file")" ''
    fi
}

# hint_is CAUSE ARGUMENT…: a docker stop of `docker run ARGUMENT…` takes too long, and the one hint
# that it gets is the one for CAUSE; '' for none.
hint_is() {
    local cause=$1 hint other wanted=
    shift
    # When both are due, the report comes first.
    start slow --env RINIT_REPORT_AFTER=1s --env RINIT_KILL_AFTER=1s --env RINIT_GRACE=0 "$@"
    wait_for 'the command is ready' logs_have slow '^ready$'
    docker stop slow >/dev/null
    logs_must_have slow 'after SIGTERM: [0-9]+ still running'
    logs_must_have slow 'killed by SIGKILL by rinit: --kill-after'
    hint=$(docker logs slow 2>&1 | sed -n 's/.*hint: //p')
    for other in "${!hints[@]}"; do
        [[ $hint != *"${hints[$other]}"* ]] || wanted+=$other
    done
    same "cause, by the hint '$hint'" "$wanted" "$cause"
    same 'hints' "$(grep --count . <<<"$hint")" "$((${#cause} > 0))"
}

# out_of_memory_is_told [OPTION] IMAGE SHELL: of a shell whose variable grows without end.
out_of_memory_is_told() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    ends 137 'was killed by SIGKILL: out of memory' --memory 16m "$@" -c 'x=0123456789; while :; do x=$x$x; done'
    [[ $(<"$scratch/said") == 'rinit[1]: WARN: main process '* ]]
    same 'lines' "$(wc -l <"$scratch/said")" 1
}

out_of_memory_behind_a_shell_is_told() {
    # shellcheck disable=SC2016 # The shells in the container expand it.
    ends 137 'exited with status 137: out of memory' --memory 16m small sh -c \
        'sh -c "x=0123456789; while :; do x=\$x\$x; done"; exit $?'
}

a_kill_is_told() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    ends 137 'was killed by SIGKILL, which rinit did not send' --memory 16m small sh -c 'kill -KILL $$'
}

# report_shows_a_zombie RINIT ARGUMENT…
report_shows_a_zombie() {
    local program=$1 report
    shift
    start zombie "$@" sh -c '/busybox true & exec /busybox sleep 1000'
    wait_for 'a zombie' zombies_are zombie 1
    report=$(docker exec zombie "$program" --report)
    same 'headings' "$(sed -n '1s/  */ /gp' <<<"$report")" 'PID USER STATE AGE RSS TERM COMMAND'
    local row='^ *[0-9]+ +[^ ]+ +'
    grep --extended-regexp "$row(sleeping|running) .* blocks +/" <<<"$report"
    grep --extended-regexp "$row(sleeping|running) .* default +\`- /busybox sleep 1000\$" <<<"$report"
    grep --extended-regexp \
        "${row}zombie .* - +   \`- \[busybox\] <zombie: PID [0-9]+ \(busybox\) does not reap it>\$" <<<"$report"
    same 'lines' "$(wc -l <<<"$report")" 4
}

shell_stops() {
    start shell "$@"
    wait_for 'the shell' logs_have shell ready
    stops_at_once shell 0
}

report_in_json() {
    start json bare /busybox sh -c '/busybox true & exec /busybox sleep 1000'
    wait_for 'a zombie' zombies_are json 1
    docker exec json /rinit --report=json >"$scratch/report"
    cat "$scratch/report"
    same 'objects' "$(grep --count --extended-regexp '^\{"time":"[^"]+","pid":[0-9]+,.*\}$' "$scratch/report")" 3
    grep --extended-regexp '"state":"zombie",.*"unreaped_by":[0-9]+,"command":"\[busybox\]"' "$scratch/report"
}
