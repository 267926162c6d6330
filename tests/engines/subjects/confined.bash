# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, debian, busybox: see below.
# Containers with restrictions: users, capabilities, read-only roots, seccomp, limits on PIDs and memory.
# From containers.bash and suite.bash: scratch, busybox, run, start, ends, stops_at_once, zombies_are, check_both, wait_for, same.

check_confined() {
    check_both 'all works for a plain user' works --user 1000
    check_both 'all works with a read-only root' works --read-only
    check_both 'all works with no capability and no new privileges' \
        works --cap-drop ALL --security-opt no-new-privileges
    check_both 'all works as a plain user with a read-only root, no capability and no new privileges' \
        works --user 1000 --read-only --cap-drop ALL --security-opt no-new-privileges
    check "these were under Docker's default seccomp profile" default_seccomp

    seccomp_without_pidfds >"$scratch/seccomp.json"
    check_both 'all works where seccomp refuses every call with a pidfd' works --security-opt "seccomp=$scratch/seccomp.json"
    check_both 'at the limit of PIDs the end is in order' limit_of_pids_is_reached
    check_both 'out of memory in a child leaves main and rinit alive' child_runs_out_of_memory
}

# works OPTION…: a hundred orphans are reaped, a signal arrives, and a process that remains after main's exit is waited for.
works() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box "$@" "${busybox[@]}" sh -c '
        (trap : USR1; trap "sleep 0.2; echo saved; exit" TERM; echo waits; while :; do sleep 1000 & wait; done) &
        trap "echo got USR1" USR1
        trap "echo bye; exit 9" TERM
        '"${orphan_loop/COUNT/100}"'
        while :; do sleep 1000 & wait; done'
    wait_for 'a hundred orphans were started' logs_have box 'all started'
    wait_for 'the other one is ready' logs_have box '^waits$'
    wait_for 'no zombie' zombies_are box 0
    docker kill --signal USR1 box >/dev/null
    wait_for 'USR1 arrives' logs_have box '^got USR1$'
    stops_at_once box 9
    logs_must_have box '^bye$'
    logs_must_have box '^saved$'
    same "rinit's log" "$(docker logs box 2>&1 | grep rinit || true)" ''
}

default_seccomp() {
    same 'mode' "$(run --rm small sed -n 's/^Seccomp:\t//p' /proc/self/status)" 2
}

# As on a kernel without pidfds: ENOSYS, and EINVAL for a clone with CLONE_PIDFD.
seccomp_without_pidfds() {
    cat <<'JSON'
{
  "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [
    {
      "names": ["pidfd_open", "pidfd_send_signal", "pidfd_getfd", "clone3", "close_range"],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 38
    },
    {
      "names": ["clone"],
      "action": "SCMP_ACT_ERRNO",
      "errnoRet": 22,
      "args": [{ "index": 0, "value": 4096, "valueTwo": 4096, "op": "SCMP_CMP_MASKED_EQ" }]
    }
  ]
}
JSON
}

# When fork fails the shell exits; rinit must not fail.
limit_of_pids_is_reached() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box --pids-limit 20 "${busybox[@]}" sh -c '
        mkfifo /tmp/ready
        (trap "echo saved; exit" TERM; sleep 1000 & echo >/tmp/ready; wait) &
        read -r _ </tmp/ready
        while :; do sleep 1000 & done'
    same 'status' "$(docker wait box)" 2
    logs_must_have box "can't fork"
    logs_must_have box '^saved$'
}

child_runs_out_of_memory() {
    # shellcheck disable=SC2016 # The shell in the container expands it.
    start box --memory 16m "${busybox[@]}" sh -c '
        trap "exit 9" TERM
        sh -c "x=0123456789; while :; do x=\$x\$x; done"
        echo child ended with $?
        while :; do sleep 1000 & wait; done'
    wait_for 'the kernel kills the child' logs_have box '^child ended with 137$'
    stops_at_once box 9
}
