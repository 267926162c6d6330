# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch: of the script that reads this.
# A root of another release, apart from the machine: with its own mount, PID, network, control group and UTS namespaces, and rinit
# as PID 1. The changes that engines make to a machine stay inside; a comparison at the end shows that nothing outside has changed.
# Source it after results.bash and releases.bash.

# Marks each process that is started here, and the names of everything that is made.
export RINIT_APART=rinit-apart-$$
apart_state=

# apart_scratch: sets scratch, a folder that is removed when this script exits.
apart_scratch() {
    ((EUID == 0)) || die 'needs root: it makes a machine apart'
    this_machine_needs iproute2 busybox-static
    scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/$RINIT_APART.XXXXXX")
    mkdir "$scratch/share"
    trap apart_cleans_up EXIT
    trap 'exit 143' TERM HUP
    trap 'exit 130' INT
}

# machine_state: prints everything that an engine could change on this machine, one item a line.
machine_state() {
    # Without counters, and files whose contents differ at each reading.
    find /proc/sys -type f -readable ! -path '/proc/sys/net/*/conf/*' ! -path '/proc/sys/net/*/neigh/*' \
        ! -path '*/random/*' ! -name '*-nr' ! -name '*-state' ! -name 'ns_last_pid' ! -path '*/pty/nr' ! -name '*_count' \
        ! -path '*/quota/*' ! -name 'stat_refresh' ! -path '*/binfmt_misc/*' ! -name 'max_newidle_lb_cost' \
        -exec grep -H -s -a '' {} + | sed 's/^/sysctl /'
    find /sys/class/net/ -mindepth 1 -printf 'link %f\n'
    awk '{ print "mount", $5, $9 == "-" ? $10 : $8 }' /proc/self/mountinfo
    # Without those of other scripts of this kind, which come and go.
    local ours=(! -path '*/rinit-engines-*' '(' ! -path '*/rinit-apart-*' -o -path "*/$RINIT_APART*" ')')
    find /sys/fs/cgroup -type d "${ours[@]}" -printf 'cgroup %p\n' 2>/dev/null
    find /sys/fs/cgroup -name cgroup.subtree_control "${ours[@]}" -exec grep -H '' {} + 2>/dev/null | sed 's/^/subtree_control /'
    # A process that has just exited does not count.
    grep -lsz "^RINIT_APART=$RINIT_APART\$" /proc/[0-9]*/environ 2>/dev/null | grep -v "^/proc/$$/" |
        while IFS= read -r path; do
            [[ ! -e ${path%/environ}/ns || $(readlink "${path%/environ}/exe") == "$(readlink "/proc/$$/exe")" ]] ||
                echo "process $(tr '\0' ' ' <"${path%/environ}/cmdline")"
        done 2>/dev/null
    find "${TMPDIR:-/var/tmp}" -maxdepth 1 -name "*$RINIT_APART*" -printf 'folder %p\n'
}

apart_begins() {
    apart_state=$(machine_state | LC_ALL=C sort)
}

# Other programs may use this machine, too, so a difference must last to count.
apart_ends() {
    local changes turn
    for turn in {1..20}; do
        changes=$(diff <(echo "$apart_state") <(machine_state | LC_ALL=C sort) | grep '^[<>]') || return 0
        sleep 0.5
    done
    echo "this machine is not as it was after $turn looks:"
    echo "$changes"
    return 1
}

# The control groups of this process, one in each hierarchy: FOLDER OPTIONS TYPE.
hierarchies() {
    local root point type options path
    while read -r root point type options; do
        case $type in
            cgroup2) path=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
            cgroup)
                options=$(tr , '\n' <<<"$options" | grep -vxE 'rw|ro|xattr|clone_children|release_agent=.*|nosuid|nodev|noexec|relatime' | paste -s -d ,)
                path=$(grep -F ":$options:" /proc/self/cgroup | cut -d : -f 3)
                ;;
        esac
        # In a container the path may be that of the host.
        [[ -d $point$path ]] || path=
        [[ $root == / ]] || path=
        echo "$(realpath "$point$path") $options $type"
    done < <(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup2?$/) print $4, $5, $(i + 1), $(i + 3) }' /proc/self/mountinfo)
}

# checks_apart ROOT CGROUPS COMMAND…: runs COMMAND apart, which prints its checks, and checks that nothing outside has changed. The
# output is in $scratch/said too.
checks_apart() {
    local status=0
    apart_begins
    apart "$@" 2>&1 | tee "$scratch/said" || status=$?
    check 'this machine is as it was' apart_ends
    grep -q ' passed, 0 failed$' "$scratch/said" || failed=$((failed + 1))
    ((status == 0 && failed == 0))
}

# apart ROOT CGROUPS COMMAND…: runs COMMAND in ROOT, which stays unchanged. CGROUPS is the version on its /sys/fs/cgroup: 1, the
# version 1 of this machine, or 2. Inside, this repository is /rinit, read-only; the binary is /sbin/rinit; $scratch/share
# is /share, and is kept. There is no network except a loopback.
apart() {
    local root=$1 version=$2 status=0 folder
    shift 2
    mkdir -p "$scratch/share" "$scratch/root"
    hierarchies | LC_ALL=C sort -u >"$scratch/hierarchies"
    while read -r folder _; do
        mkdir "$folder/$RINIT_APART"
        for file in cpuset.cpus cpuset.mems; do
            # In version 1 a new group has no CPUs and no memory nodes, and takes no process without. These files have no size.
            [[ ! -e $folder/$file || $(<"$folder/$RINIT_APART/$file") ]] || cat "$folder/$file" >"$folder/$RINIT_APART/$file"
        done
    done <"$scratch/hierarchies"
    (
        while read -r folder _; do
            echo "$BASHPID" >"$folder/$RINIT_APART/cgroup.procs"
        done <"$scratch/hierarchies"
        exec unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child \
            bash tests/engines/lib/apart "$scratch" "$root" "$version" "$rinit" "$@"
    ) || status=$?
    apart_removes_cgroups
    return "$status"
}

# If the script was interrupted, processes may still run inside: they are killed with their PID 1.
apart_cleans_up() {
    local folder
    set +e
    trap '' TERM INT HUP
    [[ ! -e $scratch/hierarchies ]] || {
        while read -r folder _; do
            find "$folder/$RINIT_APART" -name cgroup.procs -exec cat {} + 2>/dev/null
        done <"$scratch/hierarchies" | sort -u | xargs --no-run-if-empty kill -KILL 2>/dev/null
        apart_removes_cgroups
    }
    rm -rf --one-file-system "$scratch"
}

# Once the last process is gone.
apart_removes_cgroups() {
    local folder
    while read -r folder _; do
        [[ ! -d $folder/$RINIT_APART ]] ||
            wait_for "$folder is empty" find "$folder/$RINIT_APART" -depth -type d -exec rmdir {} +
    done <"$scratch/hierarchies"
}

# The packages in a root of sid: Docker alone, and everything that the scripts need. One root for many, because it takes a minute.
# shellcheck disable=SC2034
docker_packages=(docker.io docker-cli runc crun containerd iproute2 busybox-static procps)
# shellcheck disable=SC2034
sid_packages=(
    "${docker_packages[@]}" podman lxc bubblewrap systemd-container systemd python3 uidmap kubernetes-client docker-compose
    python3-grpcio python3-grpc-tools
)
