# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Shells in the containers expand it. scratch, took, status, kept: see below.
# Three well-known experiments on PID 1, each with any init. tests/engines/table prints them as tables; the checks are about rinit.
# From redis.bash, containers.bash and suite.bash: redis_*, start, logs_have, check, wait_for, same, scratch.

check_experiments() {
    local init
    for init in rinit docker-init; do
        check "redis in the shell form is no PID 1, stops and saves, with $init" \
            cells_are '* above sh | * ms | 143 | all' redis_form "$init" shell
        check "redis in the exec form is no PID 1, stops and saves, with $init" \
            cells_are '* above redis-server | * ms | 0 | all' redis_form "$init" exec
        check "children of a killed docker exec bash are adopted, reaped and asked to exit, with $init" \
            cells_are "* | gone | saves its work | * ms" exec_orphans "$init"
        check "no zombie stays above redis, with $init" cells_are 0 zombies_above "$init" "${redis_words[@]}"
        check "no zombie stays above supervisord, with $init" cells_are 0 zombies_above "$init" "${supervisord_words[@]}"
    done
    check 'the experiment can find zombies: redis as PID 1' cells_are 20 zombies_above none "${redis_words[@]}"
    check 'the experiment can find a killed process: redis as PID 1' \
        cells_are '* | a zombie | is killed | * ms' exec_orphans none
}

redis_words=(redis-server --protected-mode no --save '')
supervisord_words=(supervisord --nodaemon --configuration /etc/supervisor/supervisord.conf)

# cells_are PATTERN MEASURE ARGUMENT…
cells_are() {
    local pattern=$1 cells
    shift
    "$@"
    cells=$(<"$scratch/cells")
    # shellcheck disable=SC2053 # A pattern.
    [[ $cells == $pattern ]] || same 'the cells' "$cells" "$pattern"
}

# above INIT COMMAND…: sets under, the arguments of docker run with which INIT is PID 1 and COMMAND its child.
above() {
    local init=$1 file
    shift
    case $init in
        none) under=(base "$@") ;;
        sh | bash) under=(base "$init" -c '"$@"; exit $?' "$init" "$@") ;;
        rinit) under=(debian "$@") ;;
        docker-init) under=(--init base "$@") ;;
        *)
            file=/usr/bin/$init
            # The other binary needs the image's libc.
            [[ $init != tini ]] || file=/usr/bin/tini-static
            under=(--volume "$file:/sbin/$init:ro" --entrypoint "/sbin/$init" base -- "$@")
            ;;
    esac
}

# redis_form INIT shell|exec: prints what is below PID 1, how long docker stop takes, the status, and how many keys remain after
# docker start.
redis_form() {
    local init=$1 form=$2 under took status kept keys=300000 words
    read -ra words <<<"$redis_server"
    # Without an init the form decides which process is PID 1.
    case $form in
        shell) above "$init" sh -c "$redis_server" ;;
        exec) above "$init" "${words[@]}" ;;
    esac
    redis_in "${under[@]}"
    case $kept in
        "$keys") kept=all ;;
        0) kept=none ;;
        *) kept="$kept of $keys" ;;
    esac
    echo "$main | $took ms | $status | $kept" >"$scratch/cells"
}

# exec_orphans INIT: kills a bash of docker exec that has two children, a sleep and a worker. Prints which process adopts them,
# whether the sleep becomes a zombie when it exits, and whether the worker can save at docker stop.
exec_orphans() {
    local under parent end work took
    above "$1" "${redis_words[@]}"
    start redis "${under[@]}"
    wait_for 'redis answers PING' redis_answers
    docker exec --detach redis bash -c '
        echo $$ >/tmp/bash
        sleep 1000 & echo $! >/tmp/sleep
        # The reader of its stderr exits with the bash.
        bash 2>/dev/null -c "trap \"sleep 0.3; echo worker saved >/proc/1/fd/1; exit\" TERM
            echo worker ready >/proc/1/fd/1; while :; do sleep 1000 & wait; done" &
        wait'
    wait_for 'the worker is ready' logs_have redis '^worker ready$'
    in_redis 'kill -KILL $(cat /tmp/bash)'
    wait_for 'another process adopts the sleep' in_redis '[ $(ppid $(cat /tmp/sleep)) != $(cat /tmp/bash) ]'
    parent=$(in_redis 'cat /proc/$(ppid $(cat /tmp/sleep))/comm')
    in_redis 'kill -KILL $(cat /tmp/sleep)'
    end='a zombie'
    ! LIMIT=3 wait_for 'the sleep is reaped' in_redis '[ ! -e /proc/$(cat /tmp/sleep) ]' || end=gone
    time_stop redis
    work='is killed'
    ! logs_have redis '^worker saved$' || work='saves its work'
    echo "PID 1, $parent | $end | $work | $took ms" >"$scratch/cells"
}

in_redis() {
    docker exec redis bash -c 'ppid() { sed "s/.*) . //; s/ .*//" /proc/$1/stat; }; '"$1"
}

# zombies_above INIT COMMAND…: prints how many of twenty orphans are zombies after all have exited. An init that polls for zombies
# has a few seconds to reap them.
zombies_above() {
    local under count=0
    above "$@"
    start box "${under[@]}"
    docker exec box sh -c 'for i in $(seq 20); do (sleep 0.3 &); done'
    wait_for 'the orphans have ended' no_sleep_lives
    LIMIT=4 wait_for 'no zombie' zombies_are box 0 || count=$(docker exec box sh -c "$list_zombies" | wc -l)
    echo "$count" >"$scratch/cells"
}

list_zombies='cat /proc/[0-9]*/stat 2>/dev/null | grep ") Z "'

no_sleep_lives() {
    docker exec box sh -c '! cat /proc/[0-9]*/stat 2>/dev/null | grep "(sleep) [^Z]"'
}
