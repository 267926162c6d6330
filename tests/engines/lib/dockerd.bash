# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, rinit: see below.
# Starts and stops a dockerd and a containerd that share nothing with those of the machine.
# From the main script: scratch, rinit, wait_for.

# The parent cgroup of all containers, by which their processes are found and which is removed at the end.
cgroup=rinit-engines-$$

# Paths outside of their own folders that the daemons always create, the deepest first. Those that existed before stay.
fixed_paths=(
    /etc/docker/key.json /etc/docker
    /run/docker/plugins /run/docker
    /run/containerd/s /run/containerd
    # Those of Podman, including the only cache that --root does not move.
    /var/lib/containers/cache/blob-info-cache-v1.boltdb /var/lib/containers/cache /var/lib/containers
    /var/lib/cni/networks/podman/last_reserved_ip.0 /var/lib/cni/networks/podman/lock
    /var/lib/cni/networks/podman /var/lib/cni/networks /var/lib/cni/results /var/lib/cni /run/netns
)
new_paths=()
# Network links that Swarm and Podman create and leave behind.
fixed_links=(docker_gwbridge cni-podman0)
new_links=()
netns_was_mounted=
# The user of rootless Podman, with an otherwise unused ID. In its containers IDs start at 65536 times that.
ordinary=47114
# Podman's own cgroup, above those of its containers.
libpod_was_there=

# A command that hangs fails its check and does not block the script.
docker() {
    timeout --foreground 120 docker "$@"
}

start_dockerd() {
    local path
    # The user's own client configuration is neither read nor written.
    mkdir "$scratch/client"
    export DOCKER_CONFIG=$scratch/client DOCKER_HOST=unix://$scratch/docker.sock
    unset DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH

    for path in "${fixed_paths[@]}"; do
        [[ -e $path ]] || new_paths+=("$path")
    done
    for path in "${fixed_links[@]}"; do
        [[ -e /sys/class/net/$path ]] || new_links+=("$path")
    done
    ! is_mounted /run/netns || netns_was_mounted=yes
    [[ ! $(cgroups_named libpod_parent) ]] || libpod_was_there=yes

    # By itself dockerd would use the machine's containerd if one runs. setsid for both, so that a Ctrl-C reaches only the script,
    # which shuts them down cleanly.
    cat >"$scratch/containerd.toml" <<END
version = 2
root = "$scratch/containerd/root"
state = "$scratch/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$scratch/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$scratch/containerd/opt"
END
    setsid containerd --config "$scratch/containerd.toml" >"$scratch/containerd.log" 2>&1 &
    containerd=$!
    wait_for 'containerd listens' test -S "$scratch/containerd.sock" || {
        tail "$scratch/containerd.log"
        return 1
    }

    spawn_dockerd "$scratch"
}

# spawn_dockerd FOLDER [OPTION…]: starts it with FOLDER/docker.sock. Sets dockerd, and returns when it answers.
spawn_dockerd() {
    local folder=$1
    shift
    # No bridge, iptables rule or IP forwarding: the containers need no network. Its configuration replaces the machine's.
    # RINIT_RUNTIME names a runtime that Docker does not know by itself, such as crun.
    local runtime=${RINIT_RUNTIME-} more=
    [[ ! $runtime ]] || more=", \"default-runtime\": \"$runtime\", \"runtimes\": {\"$runtime\": {\"path\": \"/usr/bin/$runtime\"}}"
    [[ -e $folder/daemon.json ]] || echo "{\"init-path\": \"$rinit\"$more}" >"$folder/daemon.json"
    setsid dockerd --config-file "$folder/daemon.json" --containerd "$scratch/containerd.sock" \
        --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/docker.pid" \
        --host "unix://$folder/docker.sock" --cgroup-parent "/$cgroup" --exec-opt native.cgroupdriver=cgroupfs \
        --bridge=none --iptables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
        "$@" >>"$folder/dockerd.log" 2>&1 &
    dockerd=$!
    wait_for 'dockerd answers' docker --host "unix://$folder/docker.sock" version || {
        tail "$folder/dockerd.log"
        return 1
    }
}

# Without dockerd every check would wait until its limit.
dockerd_must_live() {
    ! has_ended "$dockerd" || {
        echo "dockerd has exited: $(tail "$scratch/dockerd.log")"
        exit 1
    }
}

# remove_containers [all]: keeps those with the label "stays" unless `all` is given.
remove_containers() {
    local containers staying='stays='
    [[ ! ${1-} ]] || staying='^$'
    mapfile -t containers < <(docker ps --all --format '{{.ID}} {{.Labels}}' | sed "/$staying/d; s/ .*//")
    ((${#containers[@]} == 0)) || docker rm --force --volumes "${containers[@]}" >/dev/null
}

stop_dockerd() {
    [[ -z ${dockerd:-} ]] || remove_containers all
    end_child "${dockerd:-}"
    end_child "${containerd:-}"
    # There are none unless a daemon crashed and left its containers.
    local pid
    for pid in $(processes_of_this_run); do
        kill -KILL "$pid"
    done
    # A killed shim leaves its socket in a common folder. Its path is in a file named "address".
    grep -rhs --include=address . "$scratch/containerd" | sed 's,^unix://,,' | xargs --no-run-if-empty rm -f
    wait_for 'all processes are gone' no_processes_of_this_run
    wait_for 'the cgroups are gone' cgroups_are_gone
    local link
    for link in "${new_links[@]}"; do
        [[ ! -e /sys/class/net/$link ]] || ip link delete "$link"
    done
    [[ $netns_was_mounted ]] || ! is_mounted /run/netns || umount /run/netns
    # Removes folders only if they are empty, because other programs may use them by now.
    ((${#new_paths[@]} == 0)) || rm --dir --force "${new_paths[@]}" 2>/dev/null
}

# end_child [PID]: asks it to exit, waits, and kills it as a last resort. Its status does not matter.
end_child() {
    [[ -n $1 ]] || return 0
    kill -TERM "$1" 2>/dev/null || true
    wait_for "process $1 ends" has_ended "$1" || kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# has_ended PID, or -GROUP
has_ended() {
    ! kill -0 -- "$1" 2>/dev/null
}

# The processes in this run's cgroup, its containerd's shims (by the socket in their command line), and those of rootless
# Podman. Fails if there are none.
processes_of_this_run() {
    {
        find /sys/fs/cgroup -path "*/$cgroup/*" -name cgroup.procs -exec cat {} + 2>/dev/null
        # The pattern comes through a pipe: as an argument grep would find it in its own command line.
        # shellcheck disable=SC2062 # It is the files that are a pattern.
        grep -lFf - /proc/[0-9]*/cmdline 2>/dev/null <<<"$scratch/containerd.sock" | cut -d / -f 3
        find /proc -maxdepth 1 -name '[0-9]*' \( -uid "$ordinary" -o \
            -uid "+$((ordinary * 65536 - 1))" -uid "-$(((ordinary + 1) * 65536))" \) -printf '%f\n' 2>/dev/null
    } | sort -u | grep .
}

no_processes_of_this_run() {
    ! processes_of_this_run
}

# A cgroup can be removed only a moment after its last process has exited.
cgroups_are_gone() {
    local name names=("$cgroup")
    [[ $libpod_was_there ]] || names+=(libpod_parent)
    for name in "${names[@]}"; do
        find /sys/fs/cgroup -depth -type d \( -name "$name" -o -path "*/$name/*" \) -exec rmdir {} \;
        [[ ! $(cgroups_named "$name") ]] || return 1
    done
}

cgroups_named() {
    find /sys/fs/cgroup -type d -name "$1"
}

is_mounted() {
    awk -v point="$1" '$5 == point { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# unmount_below FOLDER: the deepest mount first.
unmount_below() {
    local point
    awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort --reverse |
        while IFS= read -r point; do
            umount "$(printf %b "$point")"
        done
}
