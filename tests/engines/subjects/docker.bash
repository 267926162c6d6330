# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, rinit, repo: see below.
# Docker: the statements to check, followed by the functions that check them.
# From suite.bash, containers.bash and redis.bash: scratch, rinit, check, wait_for, same, start, redis_*.

check_docker() {
    check 'docker info shows the version of the init' docker_info_shows_the_version

    # In the shell form /bin/sh keeps running, and TERM kills it before redis has saved: the status is the shell's, and rinit
    # has to wait for redis. A shell with a trap waits for redis itself.
    local as_init=(--init --entrypoint sh example)
    check 'docker stop stops redis in the shell form at once, saved' redis_stops 143 example
    check 'docker stop stops redis behind a shell with a trap at once, saved' redis_stops 0 example sh -c "trap : TERM; $redis"
    check 'docker stop stops redis without a shell at once, saved' redis_stops 0 example sh -c "exec $redis"
    check 'docker stop stops redis under docker run --init at once, saved' redis_stops 143 "${as_init[@]}" -c "$redis"
    check 'docker stop stops redis under docker run --init behind a shell with a trap at once, saved' \
        redis_stops 0 "${as_init[@]}" -c "trap : TERM; $redis"

    check 'docker stop of redis in the shell form loses none of two million keys' \
        redis_loses_nothing -- "${shell_form[@]}"
    check 'docker stop of redis behind an entrypoint script without exec, under docker run --init, loses no key' \
        redis_loses_nothing --init --entrypoint bash -- "${entrypoint_script[@]:1}"

    check_statuses 'behind the entrypoint' small
    check_statuses 'under docker run --init' --init plain
    check 'a wrong option is named and gives 125' \
        ends 125 no-such-option --entrypoint /sbin/rinit small --no-such-option true

    check 'ten thousand orphans leave no zombie' orphans_are_reaped small
    check 'ten thousand orphans leave no zombie under docker run --init' orphans_are_reaped --init plain
    check 'orphans leave zombies if PID 1 does not reap' orphans_stay_without_an_init

    check 'the command sees the same process status with rinit as without' \
        same_as_without grep -E '^(Sig(Blk|Ign|Cgt|Pnd)|ShdPnd|[UG]id|Groups|Umask|Cap|NoNewPrivs|Seccomp)' /proc/self/status
    check 'the command sees the same open files with rinit as without' same_as_without ls -l /proc/self/fd
    check 'the command sees the same limits with rinit as without' same_as_without sh -c 'ulimit -a'
    check 'the command sees the same environment with rinit as without' same_as_without env
    check 'the command sees the same working directory with rinit as without' same_as_without pwd

    check 'a process that ignores TERM is named and killed when the grace period is over' survivor_is_named

    local nothing=(--user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges)
    check 'an image FROM scratch works' bare_image_works
    check 'an image FROM scratch works as a plain user with a read-only root and no capability' \
        bare_image_works "${nothing[@]}"
}

docker_info_shows_the_version() {
    local version commit
    version=$("$rinit" --version)
    commit=${version##* - git.}
    same 'commit' "$(docker info --format '{{.InitCommit.ID}}')" "$commit"
    same 'init' "$(docker info --format '{{.InitBinary}}')" "$rinit"
    # docker info asks the daemon, which logs a warning about a version that it cannot read.
    if grep --ignore-case 'level=warning.*init.*version' "$scratch/dockerd.log"; then
        return 1
    fi
    [[ $version =~ ^rinit\ [0-9]+\.[0-9]+\.[0-9]+\ -\ git\.[^\ ]+$ ]] || {
        echo "unexpected form of --version: $version"
        return 1
    }
}

# The command of the shell form, for checks that pass it to a shell themselves.
redis='redis-server --protected-mode no --save 60 1'

# redis_stops STATUS ARGUMENT…
redis_stops() {
    local status=$1
    shift
    start redis "$@"
    wait_for 'redis answers PING' redis_answers
    docker exec redis redis-cli SET key value >/dev/null
    # By its own log it has saved the latest changes and exited by itself.
    stops_at_once redis "$status"
    logs_must_have redis 'Received SIGTERM'
    logs_must_have redis 'DB saved on disk'
    logs_must_have redis 'Redis is now ready to exit, bye bye'
}

# check_statuses WHERE [OPTION] IMAGE
check_statuses() {
    local where=$1
    shift
    check "a command's status 0 is kept $where" ends 0 '' "$@" true
    check "a command's status 3 is kept $where" ends 3 '' "$@" sh -c 'exit 3'
    check "a command that TERM kills gives 143 $where" ends 143 '' "$@" sh -c 'kill -TERM $$'
    check "a command that KILL kills gives 137 $where" ends 137 '' "$@" sh -c 'kill -KILL $$'
    check "a command that does not exist is named and gives 127 $where" ends 127 /no/such/file "$@" /no/such/file
    check "a command that is not executable is named and gives 126 $where" ends 126 /tmp/data "$@" /tmp/data
}

orphans_are_reaped() {
    start orphans "$@" sh -c "${orphan_loop/COUNT/10000}; exec sleep 1000"
    LIMIT=300 wait_for 'ten thousand orphans were started' logs_have orphans 'all started'
    wait_for 'no zombie' zombies_are orphans 0
}

# Shows that the check above can fail: PID 1 is a sleep, which reaps nothing. The orphans exit only after PID 1 has become the
# sleep, because the shell before it would reap them.
orphans_stay_without_an_init() {
    start orphans plain sh -c '
        mkfifo /tmp/gate
        for i in 1 2 3; do ( cat /tmp/gate & ); done
        exec sleep 1000'
    wait_for 'sleep is PID 1' pid_1_is orphans sleep
    wait_for 'three zombies' three_zombies_behind_the_gate
}

# Opening the gate for reading and writing never blocks.
three_zombies_behind_the_gate() {
    docker exec orphans sh -c ': <>/tmp/gate'
    zombies_are orphans 3
}

# same_as_without COMMAND…: writes the same in all three ways.
same_as_without() {
    local wanted
    wanted=$(seen_by plain "$@")
    [[ $wanted ]] || {
        echo 'nothing to compare'
        return 1
    }
    same 'behind the entrypoint' "$(seen_by small "$@")" "$wanted"
    same 'under docker run --init' "$(seen_by --init plain "$@")" "$wanted"
}

# Without what differs between any two runs: the numbers of pipes, the PID in a path, the time of day that ls prints.
seen_by() {
    run --rm --workdir /tmp --env 'GREETING=hello  world' "$@" |
        sed -E 's/:\[[0-9]+\]//; s#/proc/[0-9]+/#/proc/PID/#; s/ [A-Z][a-z]{2} +[0-9]+ [0-9]{2}:[0-9]{2} / /'
}

# Checks no times: the process must be named, and docker stop must not have to kill.
survivor_is_named() {
    start deaf --env RINIT_GRACE=300ms small sh -c '(trap "" TERM; exec sleep 1000) & exec sleep 1000'
    wait_for 'both sleep' two_sleep
    stops_at_once deaf 143
    logs_must_have deaf 'killed after the grace period of 300ms: PID [0-9]+, sleep 1000, ignores SIGTERM'
}

two_sleep() {
    (($(docker exec deaf /busybox sh -c 'cat /proc/[0-9]*/stat | grep -c "(sleep) S"') == 2))
}

bare_image_works() {
    ends 7 '' "$@" bare /busybox sh -c 'exit 7'

    start bare "$@" bare /busybox sh -c "
        trap 'echo bye; exit 9' TERM
        ${orphan_loop/COUNT/100}
        while :; do sleep 1000 & wait; done"
    wait_for 'a hundred orphans were started' logs_have bare 'all started'
    wait_for 'no zombie' zombies_are bare 0
    stops_at_once bare 9
    logs_must_have bare '^bye$'
}
