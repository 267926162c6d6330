# bash completion for rinit(1)                                -*- shell-script -*-

_rinit() {
    local word=${COMP_WORDS[COMP_CWORD]} option='' command=0 index
    local options='
        -g --group -c --single-child -t --target -r --rewrite --session -p --parent-death -s --subreaper
        -e --map-exit --grace -k --kill-after --stop-sequence --report-after -P --pause -w --warn-reaped --wait-all
        -v --verbose -q --quiet --log-format --termination-log --report -l --license -V --version -h --help'

    # Which option takes the word, or where the command begins. Bash splits words at = and :.
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            = | :) continue ;;
        esac
        if [[ -n $option ]]; then
            # The value may go on behind a colon, as in TERM:QUIT.
            [[ ${COMP_WORDS[index + 1]} == : ]] || option=
            continue
        fi
        case ${COMP_WORDS[index]} in
            --) command=$((index + 1)) ;;
            --report) [[ ${COMP_WORDS[index + 1]} != = ]] || option=--report ;;
            -t | --target | -r | --rewrite | -p | --parent-death | -e | --map-exit | --grace | -k | --kill-after | \
                --stop-sequence | --report-after | --log-format | --termination-log) option=${COMP_WORDS[index]} ;;
            -*) ;;
            *) command=$index ;;
        esac
        ((command == 0)) || break
    done
    [[ $word != = && $word != : ]] || word=

    COMPREPLY=()
    if ((command > 0)); then
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset "$command"
        elif declare -F _command_offset >/dev/null; then
            _command_offset "$command"
        fi
        return
    fi
    case $option in
        -t | --target) mapfile -t COMPREPLY < <(compgen -W 'main group all' -- "$word") ;;
        -r | --rewrite | -p | --parent-death)
            mapfile -t COMPREPLY < <(compgen -W 'TERM INT QUIT HUP USR1 USR2 WINCH CONT TSTP TTIN TTOU KILL' -- "$word")
            ;;
        --report) mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$word") ;;
        --log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$word") ;;
        --termination-log) mapfile -t COMPREPLY < <(compgen -W off -f -- "$word") ;;
        '')
            if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -c -- "$word")
            fi
            ;;
    esac
} && complete -F _rinit rinit
