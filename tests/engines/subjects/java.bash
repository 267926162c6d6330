# shellcheck shell=bash
# shellcheck disable=SC2154 # repo: from suite.bash.
# Java, as one of the programs that manage processes. Apart from the others, as to get it takes longer than to check it:
# only who names this subject has it.
# From programs.bash and suite.bash: all_is_saved, check.

# shellcheck source=/dev/null
source "$repo/tests/engines/subjects/programs.bash"

check_java() {
    local init
    for init in rinit docker-init; do
        check "java with $init: no zombie, a stop in time, all work saved" all_is_saved java "$init"
    done
}
