# shellcheck shell=bash
# shellcheck disable=SC2034 # For the scripts that source this.
# Redis behind a shell that keeps running, with so much data that saving takes time: counts its keys after `docker stop` and
# `docker start`.

# Redis takes more than a second to save these.
keys=2000000

# CMD in the shell form, and an entrypoint script without `exec`. In both a shell is the parent of redis.
redis_server='redis-server --protected-mode no --save 3600 1'
shell_form=(sh -c "$redis_server")
entrypoint_script=(bash -c "$redis_server; echo redis has ended")

# redis_behind OPTION… -- COMMAND…: docker run OPTION… example COMMAND…, as redis_in.
redis_behind() {
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    redis_in "${options[@]}" example "$@"
}

# redis_in ARGUMENT…: docker run ARGUMENT…; fills redis, stops it and starts it again. Sets main (the names of
# PID 1 and its child: `sh above redis-server`), took (ms), status and kept.
redis_in() {
    docker run --network none --detach --name redis "$@" >/dev/null
    wait_for 'redis answers PING' redis_answers
    main=$(docker exec redis sh -c 'for pid in 1 $(cat /proc/1/task/1/children); do cat /proc/$pid/comm; done' |
        paste -s -d ' ' | sed 's, , above ,')
    redis_cli EVAL "for i = 1, $keys do redis.call('SET', 'key:' .. i, 'value number ' .. i) end" 0 >/dev/null
    same 'keys before the stop' "$(redis_cli DBSIZE)" "$keys"
    time_stop redis
    docker start redis >/dev/null
    wait_for 'redis answers PING again' redis_answers
    kept=$(redis_cli DBSIZE)
}

redis_cli() {
    docker exec redis redis-cli "$@"
}

redis_answers() {
    [[ $(redis_cli PING) == PONG ]]
}

# redis_loses_nothing OPTION… -- COMMAND…
redis_loses_nothing() {
    local took status kept
    # On a busy machine the save may take longer than the ordinary times.
    redis_behind --env RINIT_GRACE=100s --stop-timeout 100 "$@"
    same "keys after $took ms of docker stop (status $status)" "$kept" "$keys"
}
