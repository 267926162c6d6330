# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Shells in the containers expand it. scratch, rinit: see below.
# Podman: rinit as its --init, as the image's entrypoint, and as the pause process of a pod.
# From suite.bash: check, wait_for, same, scratch, rinit.

check_podman() {
    # What it keeps and what it mounts is below the scratch folder.
    podman=(
        env -u DOCKER_CONFIG podman --root "$scratch/podman/root" --runroot "$scratch/podman/run" --tmpdir "$scratch/podman/tmp"
        --runtime runc --storage-driver vfs --cgroup-manager cgroupfs --events-backend none
    )
    mkdir "$scratch/podman"
    # A configuration in the place of the machine's.
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n[engine]\ninit_path = "%s"\n' \
        "$rinit" >"$scratch/podman/containers.conf"
    export CONTAINERS_CONF=$scratch/podman/containers.conf
    "${podman[@]}" import --quiet "$scratch/plain.tar" plain >/dev/null
    printf 'FROM plain\nCOPY rinit /sbin/rinit\nENTRYPOINT ["/sbin/rinit", "--"]\n' >"$scratch/podman/Containerfile"
    "${podman[@]}" build --quiet --isolation chroot --network host --tag small --file "$scratch/podman/Containerfile" \
        "$scratch/context" >/dev/null

    check 'podman --init stops in order, and leaves no zombie' podman_stops_in_order --init plain
    check 'podman --init-path does' podman_stops_in_order --init --init-path "$rinit" plain
    check "podman does behind the image's entrypoint" podman_stops_in_order small
    check 'podman does for a plain user with a read-only root and no capability' \
        podman_stops_in_order --user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges --init plain
    check 'podman stop sends the signal of --stop-signal' podman_stops_by RTMIN+3
    check 'rinit is the pause process of a pod, reaps for all of it, and waits for all at the end' podman_pod
    check 'rinit is the pause process by the name of catatonit' podman_pod_as_catatonit
}

podman_start() {
    "${podman[@]}" run --detach --network none --name "$@" >/dev/null
}

# podman_stops_in_order ARGUMENT…
podman_stops_in_order() {
    trap 'podman_removes' EXIT
    podman_start box "$@" sh -c '
        (trap "sleep 0.2; echo other saved; exit" TERM; echo other ready; while :; do sleep 1000 & wait; done) &
        trap "echo main saved; exit 9" TERM
        i=0; while [ $i -lt 100 ]; do (: &); i=$((i + 1)); done
        echo main ready; while :; do sleep 1000 & wait; done'
    wait_for 'main is ready' podman_logs_have 'main ready'
    wait_for 'the other is ready' podman_logs_have 'other ready'
    wait_for 'no zombie' podman_zombies_are 0
    "${podman[@]}" stop box >/dev/null
    same 'status' "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' box)" 9
    same 'log' "$("${podman[@]}" logs box 2>&1 | grep saved | sort | paste -s -d ,)" 'main saved,other saved'
}

podman_stops_by() {
    trap 'podman_removes' EXIT
    podman_start box --stop-signal "$1" --init plain sh -c '
        trap "echo got it; exit 9" 37; echo main ready; while :; do sleep 1000 & wait; done'
    wait_for 'main is ready' podman_logs_have 'main ready'
    "${podman[@]}" stop box >/dev/null
    same 'status' "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' box)" 9
}

podman_logs_have() {
    grep -q "$1" <<<"$("${podman[@]}" logs box 2>&1)"
}

podman_zombies_are() {
    [[ $("${podman[@]}" exec box sh -c 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "') == "$1" ]]
}

# A pod with one process namespace, whose PID 1 is its pause process.
podman_pod() {
    printf 'FROM scratch\nCOPY rinit /rinit\nENTRYPOINT ["/rinit", "--pause"]\n' >"$scratch/podman/Containerfile"
    podman_pod_by rinit /rinit --pause
}

podman_pod_as_catatonit() {
    printf 'FROM scratch\nCOPY rinit /catatonit\nENTRYPOINT ["/catatonit", "-P"]\n' >"$scratch/podman/Containerfile"
    podman_pod_by catatonit /catatonit -P
}

# podman_pod_by NAME COMMAND…
podman_pod_by() {
    local name=$1
    shift
    trap 'podman_removes' EXIT
    "${podman[@]}" build --quiet --isolation chroot --network host --tag pause --file "$scratch/podman/Containerfile" \
        "$scratch/context" >/dev/null
    "${podman[@]}" pod create --name pod --share pid --network none --infra-image pause --infra-command "$*" >/dev/null
    "${podman[@]}" run --detach --pod pod --name box plain sh -c '
        (sh -c "sleep 0.2 & exec true" &)
        trap "echo main saved; exit 9" TERM
        echo main ready; while :; do sleep 1000 & wait; done' >/dev/null
    wait_for 'main is ready' podman_logs_have 'main ready'
    same 'PID 1' "$("${podman[@]}" exec box cat /proc/1/comm)" "$name"
    "${podman[@]}" exec box sh -c 'for i in 1 2 3 4 5; do (sleep 0.2 &); done'
    wait_for 'no zombie' podman_zombies_are 0
    "${podman[@]}" pod stop pod >/dev/null
    # The pause process is asked at the same time as the others, and as catatonit waits for nobody:
    # they may die with PID 1.
    [[ $name == catatonit ]] ||
        same 'status' "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' box)" 9
    same 'status of the pause process' \
        "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' "$("${podman[@]}" pod inspect --format '{{.InfraContainerID}}' pod)")" 0
}

podman_removes() {
    "${podman[@]}" pod rm --all --force >/dev/null 2>&1
    "${podman[@]}" rm --all --force --time 0 >/dev/null 2>&1
}
