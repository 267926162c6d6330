# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Shells in the containers expand it. scratch, repo, rinit, cache: see below.
# The files of examples/, each built or read by the program that it is for. Nothing is downloaded: images of the suite replace the
# base images.
# From containers.bash, images.bash, dockerd.bash and suite.bash: mirror, build, start, ends, stops_at_once, spawn_dockerd, check, wait_for, same, scratch, repo, rinit, cache.

check_examples() {
    examples=$scratch/examples
    cp -r "$repo/examples" "$examples"
    cp "$rinit" "$examples/rinit"
    cp "$rinit" "$examples/base-image/rinit"

    check 'Dockerfile.scratch builds an image of rinit alone' dockerfile_scratch
    check 'Dockerfile.alpine builds, and stops at once behind its entrypoint script' dockerfile_alpine
    check 'Dockerfile.debian builds, and nginx stops cleanly' dockerfile_debian
    check 'Dockerfile.multi-stage copies rinit from an image and the program from a stage' dockerfile_multi_stage
    check 'the base image for several services builds, starts all of them and stops all of them' base_image
    check 'the base image runs one command instead' base_image_runs_a_command
    check 'compose.yaml starts both services with rinit, and stops them at once' compose
    check 'daemon.json makes rinit the init of every container' daemon_json
    check 'kubernetes.yaml conforms to the schema' kubernetes_conforms
    check 'rinit.nspawn starts and cleanly stops a machine' nspawn
    check 'rinit.container is a unit whose times fit' quadlet
    check 'devcontainer.json gives the container an init' devcontainer
}

# build_example TAG FILE [OPTION…]
build_example() {
    local context=$examples tag=$1 file=$2
    shift 2
    # shellcheck disable=SC2034 # For build.
    [[ $file != */* ]] || context=$examples/${file%/*}
    build "$tag" "$@" <"$examples/$file"
}

dockerfile_scratch() {
    build_example rinit Dockerfile.scratch
    ends 0 "$("$rinit" --version)" rinit --version
}

dockerfile_alpine() {
    build_example alpine-example Dockerfile.alpine --build-arg BASE=plain
    start box alpine-example
    wait_for 'it answers' answers_hello
    stops_at_once box 143
}

answers_hello() {
    [[ $(docker exec box wget -qO - http://localhost:8080/) == 'Hello from box' ]]
}

dockerfile_debian() {
    build_example debian-example Dockerfile.debian --build-arg BASE=base
    start box debian-example
    wait_for 'it answers' docker exec box busybox wget -qO /dev/null http://localhost/
    stops_at_once box 0
}

dockerfile_multi_stage() {
    build_example rinit Dockerfile.scratch
    build_example multi-stage-example Dockerfile.multi-stage --build-arg BASE=plain --build-arg BUILD=plain
    ends 0 'built elsewhere, run as PID' multi-stage-example
}

# Adds a service, a start script that sets a variable, and a log line through syslog.
base_image() {
    # shellcheck disable=SC2034 # Set by time_stop.
    local took status
    build_example base-image base-image/Dockerfile --build-arg BASE=base
    mkdir "$scratch/more"
    printf '#!/bin/sh\necho from a start script >/etc/container-environment/GREETING\n' >"$scratch/more/50-greeting"
    cat >"$scratch/more/run" <<'RUN'
#!/bin/sh
trap 'sleep 0.2; echo service saved; exit 0' TERM
echo "service ready, GREETING=$GREETING, GIVEN=$GIVEN"
while :; do sleep 1000 & wait; done
RUN
    echo '@reboot root echo cron ran >/proc/1/fd/1' >"$scratch/more/crontab"
    chmod +x "$scratch/more/"*
    chmod 644 "$scratch/more/crontab"
    start box --env ENABLE_SSHD=1 --env GIVEN=outside \
        --volume "$scratch/more/50-greeting:/etc/start.d/50-greeting:ro" \
        --volume "$scratch/more/run:/etc/service/more/run:ro" \
        --volume "$scratch/more/crontab:/etc/cron.d/more:ro" base-image
    wait_for 'the service runs' logs_have box '^service ready, GREETING=from a start script, GIVEN=outside$'
    wait_for 'cron runs' logs_have box '^cron ran$'
    wait_for 'syslog takes a line' syslog_takes_a_line
    wait_for 'sshd runs' docker exec box busybox nc -w 1 localhost 22
    docker exec box sh -c 'for i in $(seq 20); do (: &); done'
    wait_for 'no zombie' zombies_are box 0
    # runsv waits up to a second before it stops a service that it has just started.
    time_stop box
    same 'status' "$status" 0
    logs_must_have box '^service saved$'
    ! logs_have box 'killed after the grace period'
}

syslog_takes_a_line() {
    docker exec box logger hello syslog
    logs_have box 'hello syslog$'
}

base_image_runs_a_command() {
    build_example base-image base-image/Dockerfile --build-arg BASE=base
    ends 3 outside --env GIVEN=outside base-image sh -c 'echo $GIVEN; exit 3'
}

compose() {
    local container
    export IMAGE=plain IMAGE_WITH_RINIT=small
    # There is no network.
    printf '%s\n' 'version: "3.7"' 'services:' '  with-init: {network_mode: none}' \
        '  with-entrypoint: {network_mode: none}' >"$examples/compose.test.yaml"
    compose=(docker-compose --project-name example --file "$examples/compose.yaml" --file "$examples/compose.test.yaml")
    "${compose[@]}" up --detach
    for container in $("${compose[@]}" ps --quiet); do
        docker exec "$container" grep -q rinit /proc/1/comm /proc/1/cmdline ||
            same 'PID 1' "$(docker exec "$container" cat /proc/1/comm)" docker-init
        stops_at_once "$container" 143
    done
    same 'services' "$("${compose[@]}" ps --all --quiet | wc -l)" 2
}

# A separate engine with this configuration.
daemon_json() {
    local folder=$scratch/configured
    mkdir "$folder"
    export DOCKER_HOST=unix://$folder/docker.sock
    sed "s,/usr/local/bin/rinit,$rinit," "$examples/daemon.json" >"$folder/daemon.json"
    # In the subshell of this check `dockerd` is the daemon started here: it is stopped in any case.
    trap 'remove_containers; end_child "$dockerd"' EXIT
    spawn_dockerd "$folder"
    docker import - plain <"$scratch/plain.tar" >/dev/null
    start box plain sleep 1000
    same 'PID 1' "$(docker exec box /sbin/docker-init --version)" "$(bash -c 'exec -a docker-init "$0" --version' "$rinit")"
    wait_for 'docker-init is PID 1' pid_1_is box docker-init
    stops_at_once box 143
}

kubernetes_conforms() {
    # Without a network kubectl checks against its own types.
    if type -P kubectl >/dev/null; then
        kubectl set env --local --filename "$examples/kubernetes.yaml" CHECKED=yes --output yaml
        sed 's/terminationGracePeriodSeconds: 20/&s/' "$examples/kubernetes.yaml" >"$examples/wrong.yaml"
        ! kubectl set env --local --filename "$examples/wrong.yaml" CHECKED=yes
        return
    fi
    local validate=$cache/kubernetes-validate/bin/kubernetes-validate
    if [[ ! -x $validate ]]; then
        rm -rf "$cache/kubernetes-validate"
        /usr/bin/python3 -m venv "$cache/kubernetes-validate"
        "$cache/kubernetes-validate/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate
    fi
    "$validate" --strict "$examples/kubernetes.yaml"
    # Shows that the check above can fail.
    sed 's/terminationGracePeriodSeconds: 20/&s/' "$examples/kubernetes.yaml" >"$examples/wrong.yaml"
    ! "$validate" --strict "$examples/wrong.yaml"
}

nspawn() {
    local machine=$scratch/machines/example
    mkdir -p "$machine/usr/local/bin" "$machine/usr/sbin"
    tar --extract --file "$scratch/plain.tar" --directory "$machine"
    cp "$rinit" "$machine/sbin/rinit"
    cat >"$machine/usr/local/bin/my-server" <<'SERVER'
#!/bin/sh
(trap 'sleep 0.2; echo other saved; exit' TERM; echo other ready; while :; do sleep 1000 & wait; done) &
trap 'echo main saved; exit 9' TERM
while :; do sleep 1000 & wait; done
SERVER
    chmod +x "$machine/usr/local/bin/my-server"
    touch "$machine/etc/os-release" 2>/dev/null || { mkdir "$machine/etc" && touch "$machine/etc/os-release"; }
    cp "$examples/rinit.nspawn" "$scratch/machines/example.nspawn"
    # From 258 on systemd-nspawn supports only control groups version 2.
    local way=()
    [[ $(stat -f -c %T /sys/fs/cgroup) == cgroup2fs || ! ${RINIT_IMAGES-} ]] ||
        way=(unshare --mount sh -c 'umount -l /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' sh)
    # No systemd is running that could register the machine.
    "${way[@]}" systemd-nspawn --quiet --register=no --keep-unit --settings=trusted --console=pipe --directory "$machine" \
        >"$scratch/nspawn.log" 2>&1 &
    local nspawn=$! status=0
    wait_for 'the other is ready' grep -q 'other ready' "$scratch/nspawn.log"
    kill -TERM "$nspawn"
    wait "$nspawn" || status=$?
    cat "$scratch/nspawn.log"
    same 'status' "$status" 9
    same 'processes that saved' "$(grep -c saved "$scratch/nspawn.log")" 2
}

# Converts it with Podman's generator and verifies the unit with systemd. It is not started: no systemd is running.
quadlet() {
    local generator=$cache/podman/usr/libexec/podman/quadlet unit=$scratch/quadlet/example.service
    # The generator of the installed Podman, from 4.4 on.
    if [[ -x /usr/libexec/podman/quadlet ]]; then
        generator=/usr/libexec/podman/quadlet
    elif [[ ! -x $generator ]]; then
        fetch_quadlet
    fi
    mkdir "$scratch/quadlet"
    cp "$examples/rinit.container" "$scratch/quadlet/example.container"
    QUADLET_UNIT_DIRS=$scratch/quadlet "$generator" -dryrun >"$scratch/quadlet/said"
    cat "$scratch/quadlet/said"
    sed '/^---/d; s,/usr/bin/podman,/bin/true,' "$scratch/quadlet/said" >"$unit"
    grep -q '^ExecStart=.* --stop-timeout 20 --init .*--env RINIT_GRACE=8s --init-path /usr/local/bin/rinit localhost/example$' "$unit"
    grep -qx 'TimeoutStopSec=30' "$unit"
    # With this, systemd signals only Podman.
    grep -qx 'KillMode=mixed' "$unit"
    same 'systemd' "$(systemd_says "$unit")" ''
    # Shows that the check above can fail.
    sed -i 's/^StopTimeout=/Stop&/' "$scratch/quadlet/example.container"
    ! QUADLET_UNIT_DIRS=$scratch/quadlet "$generator" -dryrun
}

# In Debian from 13 on. It runs on older releases, too, so it is unpacked and not installed.
fetch_quadlet() {
    local folder=$scratch/trixie
    local apt=(
        apt-get --option Dir::Etc::SourceList="$folder/sources.list" --option Dir::Etc::SourceParts=/dev/null
        --option Dir::State::Lists="$folder/lists" --option Dir::Cache="$folder/cache" --option Dir::Etc::Preferences=/dev/null
        --option APT::Sandbox::User=root --option Acquire::Languages=none
        --option Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    )
    mkdir -p "$folder"/{lists,cache/archives}/partial
    echo "deb [arch=$(dpkg --print-architecture) signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) trixie main" \
        >"$folder/sources.list"
    "${apt[@]}" update
    (cd "$folder" && "${apt[@]}" download podman)
    dpkg --extract "$folder"/podman_*.deb "$folder/podman"
    rm -rf "$cache/podman"
    mv "$folder/podman" "$cache/podman"
}

devcontainer() {
    local options
    # The format allows comments, and this file has some.
    options=$(sed 's,^ *//.*,,' "$examples/devcontainer.json" | /usr/bin/python3 -c '
import json, sys
container = json.load(sys.stdin)
print(*(["--init"] if container["init"] else []), *container["runArgs"])')
    # shellcheck disable=SC2086 # Words.
    start box $options base sh -c 'while sleep 1000; do :; done'
    docker exec box sh -c '(: &)'
    wait_for 'docker-init is PID 1' pid_1_is box docker-init
    wait_for 'no zombie' zombies_are box 0
    same 'grace' "$(docker exec box sh -c 'echo $RINIT_GRACE')" 3s
    stops_at_once box 143
}
