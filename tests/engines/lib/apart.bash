# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch: of the script that reads this.
# A root of another release as a machine apart: with mounts, processes, network, control groups and names of its own, and
# rinit as its PID 1. What engines do to a machine they do there, and a comparison at the end shows that nothing else has
# changed. After results.bash and releases.bash.

# Found again in each process that is started here, and in the names of what is made.
export RINIT_APART=rinit-apart-$$
apart_state=

# apart_scratch: sets scratch, a folder that goes with this script.
apart_scratch() {
    ((EUID == 0)) || die 'needs root: it makes a machine apart'
    this_machine_needs iproute2 busybox-static
    scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/$RINIT_APART.XXXXXX")
    mkdir "$scratch/share"
    trap apart_cleans_up EXIT
    trap 'exit 143' TERM HUP
    trap 'exit 130' INT
}

# machine_state: what an engine could change on this machine, one thing a line.
machine_state() {
    # Counters, and what is another at each reading.
    find /proc/sys -type f -readable ! -path '/proc/sys/net/*/conf/*' ! -path '/proc/sys/net/*/neigh/*' \
        ! -path '*/random/*' ! -name '*-nr' ! -name '*-state' ! -name 'ns_last_pid' ! -path '*/pty/nr' ! -name '*_count' \
        ! -path '*/quota/*' ! -name 'stat_refresh' ! -path '*/binfmt_misc/*' ! -name 'max_newidle_lb_cost' \
        -exec grep -H -s -a '' {} + | sed 's/^/sysctl /'
    find /sys/class/net/ -mindepth 1 -printf 'link %f\n'
    awk '{ print "mount", $5, $9 == "-" ? $10 : $8 }' /proc/self/mountinfo
    # Those of other scripts of this kind come and go.
    find /sys/fs/cgroup -type d ! -path '*/rinit-engines-*' -printf 'cgroup %p\n' 2>/dev/null
    find /sys/fs/cgroup -name cgroup.subtree_control ! -path '*/rinit-engines-*' -exec grep -H '' {} + 2>/dev/null | sed 's/^/subtree_control /'
    # One that has just ended is no finding.
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

# Others may work on this machine too: what is a passing matter has time to pass.
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
        # In a container the path may be the host's.
        [[ -d $point$path ]] || path=
        [[ $root == / ]] || path=
        echo "$(realpath "$point$path") $options $type"
    done < <(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup2?$/) print $4, $5, $(i + 1), $(i + 3) }' /proc/self/mountinfo)
}

# checks_apart ROOT CGROUPS COMMAND…: COMMAND apart, which prints its checks, and the check that nothing else has changed. What
# they print is in $scratch/said too.
checks_apart() {
    local status=0
    apart_begins
    apart "$@" 2>&1 | tee "$scratch/said" || status=$?
    check 'this machine is as it was' apart_ends
    grep -q ' passed, 0 failed$' "$scratch/said" || failed=$((failed + 1))
    ((status == 0 && failed == 0))
}

# apart ROOT CGROUPS COMMAND…: COMMAND in ROOT, which is not written to. CGROUPS is what is on its /sys/fs/cgroup: 1, the
# version 1 that this machine has, or 2. There this repository is /rinit, for reading; the binary is /sbin/rinit; $scratch/share
# is /share, and stays. No network but a loopback.
apart() {
    local root=$1 version=$2 status=0 folder
    shift 2
    mkdir -p "$scratch/share" "$scratch/root"
    hierarchies | LC_ALL=C sort -u >"$scratch/hierarchies"
    while read -r folder _; do
        mkdir "$folder/$RINIT_APART"
        for file in cpuset.cpus cpuset.mems; do
            # Of version 1, where a new group has none and so takes no process. These files have no size.
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

# Where the script was interrupted something may be running there still: it ends with its PID 1.
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

# What the scripts have in the root of sid, which is one for all.
# shellcheck disable=SC2034
sid_packages=(
    docker.io docker-cli runc crun containerd podman lxc bubblewrap systemd-container systemd python3 iproute2 uidmap
    busybox-static kubernetes-client procps docker-compose python3-grpcio python3-grpc-tools golang-k8s-cri-api-dev
)
