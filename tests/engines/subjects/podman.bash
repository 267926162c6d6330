# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # Shells in the containers expand it. scratch, rinit: see below.
# Podman, as root and as an ordinary user: rinit as its --init, as the image's entrypoint, and as the
# pause process of a pod.
# From suite.bash, dockerd.bash and experiments.bash: check, wait_for, same, end_child, cells_are, scratch, rinit.

# shellcheck source=/dev/null
source "$repo/tests/engines/subjects/experiments.bash"

check_podman() {
    local podman
    set_up_podman

    check 'podman --init stops cleanly, and leaves no zombie' podman_stops_in_order --init plain
    check 'podman --init-path stops cleanly, and leaves no zombie' podman_stops_in_order --init --init-path "$rinit" plain
    check "podman stops cleanly behind the image's entrypoint, and leaves no zombie" podman_stops_in_order small
    check 'podman stops cleanly for a plain user with a read-only root and no capability' \
        podman_stops_in_order --user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges --init plain
    check 'podman stop sends the signal of --stop-signal' podman_stops_by RTMIN+3
    check 'rinit is the pause process of a pod, reaps all its orphans, and waits for all its processes' \
        cells_are '0 | saves its work | 9 | * ms | 0' pod_with_pause rinit
    check 'rinit is the pause process by the name of catatonit' \
        cells_are '0 | * | 0' pod_with_pause rinit-as-catatonit
    check 'the unit of podman generate systemd has consistent times, and systemd reads all of it' podman_unit

    # Earlier versions have neither.
    case $(podman --version) in
        *' '[1-4].*) ;;
        *) check_podman_5 ;;
    esac
    check_podman_rootless
}

# New in Podman 5: a pod without an infra image has the init of containers.conf as its pause process, and `podman kube play`
# supports all of the manifest.
check_podman_5() {
    local shared
    cp "$scratch/small.tar" "$scratch/nginx.tar"
    mkdir -p "$scratch/nginx/usr/sbin"
    # The manifest's server.
    printf '%s\n' '#!/bin/sh' 'trap "sleep 0.2; echo nginx saved; exit 0" TERM' 'i=0; while [ $i -lt 20 ]; do (: &); i=$((i + 1)); done' \
        'echo nginx ready' 'while :; do sleep 1000 & wait $!; done' >"$scratch/nginx/usr/sbin/nginx"
    chmod +x "$scratch/nginx/usr/sbin/nginx"
    tar --owner 0 --group 0 --append --file "$scratch/nginx.tar" --directory "$scratch/nginx" usr
    "${podman[@]}" import --quiet --change 'ENTRYPOINT ["/sbin/rinit", "--"]' --change 'ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin' \
        - localhost/debian-example:latest <"$scratch/nginx.tar" >/dev/null
    check 'the init of containers.conf is the pause process of a pod' pod_with_init_path
    for shared in false true; do
        check "podman kube play runs examples/kubernetes.yaml with shareProcessNamespace: $shared, and stops it cleanly" kube_play "$shared"
    done
}

pod_with_init_path() {
    trap 'podman_removes' EXIT
    "${podman[@]}" pod create --name pod --share pid --network none
    "${podman[@]}" run --detach --pod pod --network none --name box plain sh -c 'echo main ready; exec sleep 1000'
    wait_for 'main is ready' podman_logs_have 'main ready'
    "${podman[@]}" exec box sh -c 'for i in $(seq 20); do (sleep 0.31 &); done'
    wait_for 'the orphans have ended' podman_no_orphan_lives
    wait_for 'no zombie' podman_zombies_are 0
    "${podman[@]}" exec box sh -c 'tr "\0" " " </proc/1/cmdline' >"$scratch/words"
    cat "$scratch/words"
    # Under its own name: catatonit's -P is rinit's --pause.
    grep -x '/rinit -P ' "$scratch/words"
    [[ $("${podman[@]}" exec box sh -c 'wc -c </proc/1/exe') == "$(wc -c <"$rinit")" ]]
    "${podman[@]}" pod stop --time 20 pod
}

# kube_play SHARED: plays both objects of the manifest with shareProcessNamespace: SHARED.
kube_play() {
    local shared=$1 name
    trap 'podman_removes' EXIT
    sed "s/shareProcessNamespace: .*/shareProcessNamespace: $shared/; s,image: debian-example,image: localhost/debian-example:latest," \
        "$repo/examples/kubernetes.yaml" >"$scratch/kubernetes.yaml"
    "${podman[@]}" kube play --network none "$scratch/kubernetes.yaml"
    "${podman[@]}" ps --all --format '{{.Names}} {{.Status}}'
    for name in web-pod-web shared-web; do
        wait_for "$name is ready" kube_log_has "$name" 'nginx ready'
        wait_for "no zombie in $name" kube_no_zombie "$name"
        if [[ $shared == false ]]; then
            "${podman[@]}" exec "$name" /sbin/rinit --report | grep -E ' 1 .*/sbin/rinit'
        fi
    done
    "${podman[@]}" pod stop --time 20 web-pod shared
    for name in web-pod-web shared-web; do
        kube_log_has "$name" 'nginx saved'
        same "status of $name" "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' "$name")" 0
    done
    same 'status of the sidecar' "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' shared-sidecar)" 143
}

kube_log_has() { grep -q "$2" <<<"$("${podman[@]}" logs "$1" 2>&1)"; }
kube_no_zombie() { [[ $("${podman[@]}" exec "$1" sh -c 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z "') == 0 ]]; }

# Sets podman, as root, with its storage and mounts below the scratch folder.
set_up_podman() {
    local folder=$scratch/podman
    mkdir "$folder"
    podman_configuration "$rinit" >"$folder/containers.conf"
    podman=(
        env -u DOCKER_CONFIG CONTAINERS_CONF="$folder/containers.conf"
        podman --root "$folder/root" --runroot "$folder/run" --tmpdir "$folder/tmp"
        --runtime "${RINIT_RUNTIME:-runc}" --storage-driver vfs --cgroup-manager cgroupfs --events-backend none
    )
    podman_images
}

# podman_configuration RINIT: writes a configuration to use instead of the machine's.
podman_configuration() {
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n[engine]\ninit_path = "%s"\n' "$1"
}

# Imports Docker's images, and one image for each pause process.
podman_images() {
    local add=(tar --owner 0 --group 0 --file) pause
    "${podman[@]}" import --quiet - plain <"$scratch/plain.tar" >/dev/null
    cp "$scratch/plain.tar" "$scratch/small.tar"
    "${add[@]}" "$scratch/small.tar" --append --directory "$scratch/context" --transform 's,^,sbin/,' rinit
    "${podman[@]}" import --quiet --change 'ENTRYPOINT ["/sbin/rinit", "--"]' - small <"$scratch/small.tar" >/dev/null
    for pause in rinit rinit-as-catatonit catatonit; do
        # The original pause process is only for tests/engines/table.
        [[ $pause != catatonit || -x /usr/bin/catatonit ]] || continue
        pause_process "$pause"
        cp "${pause_file[1]}" "$scratch/${pause_file[0]}"
        "${add[@]}" "$scratch/pause.tar" --create --directory "$scratch" "${pause_file[0]}"
        "${podman[@]}" import --quiet - "pause-$pause" <"$scratch/pause.tar" >/dev/null
    done
}

# pause_process NAME: sets pause_file, its name in the image and the file, and pause_words.
pause_process() {
    case $1 in
        rinit) pause_file=(rinit "$scratch/context/rinit") pause_words='/rinit --pause' ;;
        rinit-as-catatonit) pause_file=(catatonit "$scratch/context/rinit") pause_words='/catatonit -P' ;;
        catatonit) pause_file=(catatonit /usr/bin/catatonit) pause_words='/catatonit -P' ;;
    esac
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

# pod_with_pause NAME: a pod with one process namespace, whose PID 1 is the pause process NAME. Prints the zombies of twenty orphans;
# whether a container that needs a moment can save at the pod's stop, and its status; the time, and the pause process's status.
pod_with_pause() {
    local pause_file pause_words zombies=0 began took work='is killed' infra
    pause_process "$1"
    trap 'podman_removes' EXIT
    "${podman[@]}" pod create --name pod --share pid --network none --infra-image "pause-$1" \
        --infra-command "$pause_words" >/dev/null
    "${podman[@]}" run --detach --pod pod --network none --name box plain sh -c '
        trap "sleep 0.3; echo main saved; exit 9" TERM
        echo main ready; while :; do sleep 1000 & wait; done' >/dev/null
    wait_for 'main is ready' podman_logs_have 'main ready'
    same 'PID 1' "$("${podman[@]}" exec box cat /proc/1/comm)" "${pause_file[0]}"
    "${podman[@]}" exec box sh -c 'for i in $(seq 20); do (sleep 0.31 &); done'
    wait_for 'the orphans have ended' podman_no_orphan_lives
    LIMIT=3 wait_for 'no zombie' podman_zombies_are 0 || zombies='some'
    infra=$("${podman[@]}" pod inspect --format '{{.InfraContainerID}}' pod)
    began=${EPOCHREALTIME/./}
    "${podman[@]}" pod stop pod >/dev/null
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    ! podman_logs_have 'main saved' || work='saves its work'
    echo "$zombies | $work | $("${podman[@]}" inspect --format '{{.State.ExitCode}}' box) | $took ms |" \
        "$("${podman[@]}" inspect --format '{{.State.ExitCode}}' "$infra")" >"$scratch/cells"
}

podman_no_orphan_lives() {
    "${podman[@]}" exec box sh -c '! cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " " | grep "sleep 0[.]31"'
}

# It is not started: no systemd is running.
podman_unit() {
    local unit=$scratch/podman/box.service timeout
    trap 'podman_removes' EXIT
    "${podman[@]}" create --name box --network none --init --init-path "$rinit" --stop-timeout 20 plain sleep 1000
    "${podman[@]}" generate systemd --new --name box >"$unit"
    cat "$unit"
    grep -q -- "--init-path $rinit" "$unit"
    # The time after which podman stop kills, and that after which systemd does.
    same 'podman stop' "$(sed -n '/^ExecStop=/,/^[^\t]*=/ s/.*-t \([0-9]*\).*/\1/p' "$unit")" 20
    timeout=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
    ((timeout > 20))
    same 'systemd' "$(systemd_says "$unit")" ''
}

podman_removes() {
    "${podman[@]}" pod rm --all --force >/dev/null 2>&1
    "${podman[@]}" rm --all --force --time 0 >/dev/null 2>&1
}

# An ordinary user for rootless Podman, with user IDs for containers, in a mount namespace with its own /etc/passwd and the like, and
# the user's folder as /mnt. Podman's pause process keeps the user namespace alive.
check_podman_rootless() {
    local folder=$scratch/rootless podman rinit as_user
    mkdir "$folder" "$folder/home" "$folder/run"
    cp "$scratch/context/rinit" "$folder/rinit"
    podman_configuration /mnt/rinit >"$folder/containers.conf"
    { cat /etc/passwd && echo "rinit-engines:x:$ordinary:$ordinary::/mnt/home:/bin/sh"; } >"$folder/passwd"
    echo "rinit-engines:$((ordinary * 65536)):65536" | tee "$folder/subuid" >"$folder/subgid"
    chown "$ordinary:$ordinary" "$folder"/{,home,run}
    unshare --mount bash -e -c '
        mount --make-rshared / # Podman warns of anything else.
        for file in passwd subuid subgid; do mount --bind "$0/$file" "/etc/$file"; done
        mount --bind "$0" /mnt
        echo >"$0/mounted"
        exec sleep infinity' "$folder" >"$folder/mounts.log" 2>&1 &
    keeper=$!
    wait_for 'the mounts are there' test -e "$folder/mounted"
    as_user=(
        nsenter --mount="/proc/$keeper/ns/mnt" --wd=/ setpriv --reuid "$ordinary" --regid "$ordinary" --clear-groups
        env -i ${PODMAN_IGNORE_CGROUPSV1_WARNING+PODMAN_IGNORE_CGROUPSV1_WARNING=1} PATH="$PATH" HOME=/mnt/home XDG_RUNTIME_DIR=/mnt/run CONTAINERS_CONF=/mnt/containers.conf
    )
    podman=("${as_user[@]}" podman --runtime "${RINIT_RUNTIME:-runc}" --storage-driver vfs --cgroup-manager cgroupfs --events-backend none)
    rinit=/mnt/rinit

    if "${as_user[@]}" unshare --user true 2>"$scratch/refused"; then
        podman_images
        check 'podman --init of an ordinary user stops cleanly, and leaves no zombie' podman_stops_in_order --init plain
        check 'podman --init-path of an ordinary user stops cleanly, and leaves no zombie' podman_stops_in_order --init --init-path "$rinit" --user 1000 plain
        check "podman of an ordinary user stops cleanly behind the image's entrypoint, and leaves no zombie" podman_stops_in_order small
        check 'podman stop of an ordinary user sends the signal of --stop-signal' podman_stops_by RTMIN+3
        check 'rinit is the pause process of the pod of an ordinary user' \
            cells_are '0 | saves its work | 9 | * ms | 0' pod_with_pause rinit
        # The remaining process.
        end_child "$(<"$folder/run/libpod/tmp/pause.pid")"
    else
        echo "no check of rootless Podman: this machine gives an ordinary user no user namespace: $(<"$scratch/refused")"
    fi
    end_child "$keeper"
    keeper=
}
