# shellcheck shell=bash
# shellcheck disable=SC2034 # rinit and scratch are for the other parts.
# Shared by the scripts that use Docker: runs checks, starts a Docker of its own, and cleans up.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
for part in checks images dockerd containers redis; do
    # shellcheck source=/dev/null
    source "$repo/tests/engines/lib/$part.bash"
done

job=

# as_job COMMAND…: runs it in a subshell that exits at the first failing line, in a process group of its own, the job. So this
# script reacts to a signal at once, and not after COMMAND. Must not be called in a condition: bash would ignore `set -e` in
# the subshell too.
as_job() {
    set -m
    (
        set +m -e
        "$@"
    ) </dev/null &
    job=$!
    set +m
    wait "$job"
}

# Ends all processes of the job. There are some only if the script was interrupted.
end_job() {
    [[ -n $job ]] || return 0
    kill -TERM -- "-$job" 2>/dev/null
    wait_for 'the job ends' has_exited "-$job" || kill -KILL -- "-$job" 2>/dev/null
}

# check NAME COMMAND…: COMMAND, usually a function, fails if the statement NAME does not hold; then its output is shown. The
# containers that it leaves behind are removed.
check() {
    local name=$1 status
    shift
    dockerd_must_live
    set +e
    as_job "$@" >"$scratch/details" 2>&1
    status=$?
    set -e
    tally "$name" "$status" "$scratch/details"
    remove_containers
}

# systemd_says UNIT: systemd's complaints about this unit, without those about units of other packages, which it reads too.
systemd_says() {
    systemd-analyze verify --man=no "$1" 2>&1 | grep --invert-match --extended-regexp '^/(usr/)?lib/systemd/system/' || true
}

# The cleanup must not stop half-way, so it continues after failing lines.
cleanup() {
    local status=$?
    set +e
    trap '' INT TERM HUP
    end_job
    remove_unfinished_base
    end_child "${keeper:-}" # Of the mounts for rootless Podman.
    stop_dockerd
    unmount_below "$scratch"
    rm -rf --one-file-system "$scratch"
    if [[ -e $scratch ]] || processes_of_this_run >/dev/null; then
        echo "left behind: $scratch $(processes_of_this_run)" >&2
        status=1
    fi
    exit "$status"
}

# set_up RINIT [PACKAGE…]: starts a Docker whose init is RINIT ('' to build one), makes the images, and installs the packages
# on this machine.
set_up() {
    if ((EUID != 0)); then
        echo "$0: must run as root: it starts a dockerd" >&2
        exit 1
    fi

    rinit=$1
    shift
    [[ -n $rinit ]] || rinit=$("$repo/packaging/build-musl" | tail -n 1)
    rinit=$(realpath -e "$rinit")

    scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/rinit-engines.XXXXXX")
    trap cleanup EXIT
    # A signal makes the script exit through the cleanup.
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    install_packages "$@"
    start_dockerd
    as_job make_images
}
