# shellcheck shell=bash
# shellcheck disable=SC2154 # repo: from suite.bash.
# Java, as one of the programs that manage processes. A separate subject, because its installation takes longer than the checks: it
# runs only if it is named.
# From programs.bash and suite.bash: all_is_saved, check.

# shellcheck source=/dev/null
source "$repo/tests/engines/subjects/programs.bash"

check_java() {
    local init
    for init in rinit docker-init; do
        check "java with $init: no zombie, a stop in time, all work saved" all_is_saved java "$init"
    done
}
