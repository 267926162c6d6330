# fish completion for rinit(1)

# Options that take a value: a word of its own, unless it is given with =.
set -g __rinit_with_value -t --target -r --rewrite -p --parent-death -e --map-exit --grace -k --kill-after \
    --stop-sequence --report-after --log-format --termination-log

function __rinit_before_command
    set -l is_value 0
    for word in (commandline -opc)[2..-1]
        if test $is_value = 1
            set is_value 0
        else if contains -- $word $__rinit_with_value
            set is_value 1
        else if test "$word" = --; or not string match -q -- '-*' $word
            return 1
        end
    end
end

function __rinit_signals
    printf '%s\n' TERM INT QUIT HUP USR1 USR2 WINCH CONT TSTP TTIN TTOU KILL
end

complete -c rinit -x -a '(__fish_complete_subcommand -- $__rinit_with_value)'
complete -c rinit -n __rinit_before_command -s g -l group -d 'Forward signals to the command\'s process group'
complete -c rinit -n __rinit_before_command -s c -l single-child -d 'Forward signals to the command alone'
complete -c rinit -n __rinit_before_command -s t -l target -x -a 'main group all' -d 'Forward signals to these'
complete -c rinit -n __rinit_before_command -s r -l rewrite -x -a '(__rinit_signals):' -d 'Send TO where FROM arrives'
complete -c rinit -n __rinit_before_command -l session -d 'Have the command lead a session of its own'
complete -c rinit -n __rinit_before_command -s p -l parent-death -x -a '(__rinit_signals)' -d 'Send this signal to the command when rinit\'s parent exits'
complete -c rinit -n __rinit_before_command -s s -l subreaper -d 'Adopt orphans where rinit is not PID 1'
complete -c rinit -n __rinit_before_command -s e -l map-exit -x -d 'Exit with TO (0) where the command exits with CODE'
complete -c rinit -n __rinit_before_command -l grace -x -d 'Kill remaining processes this long after the command exits'
complete -c rinit -n __rinit_before_command -s k -l kill-after -x -d 'Kill the command this long after the first stop signal'
complete -c rinit -n __rinit_before_command -l stop-sequence -x -d 'Replace the first stop signal by steps: 10s,TERM,20s,KILL'
complete -c rinit -n __rinit_before_command -l report-after -x -d 'Report what delays a stop after this time'
complete -c rinit -n __rinit_before_command -s P -l pause -d 'Start no command: reap orphans until TERM or INT'
complete -c rinit -n __rinit_before_command -s w -l warn-reaped -d 'Log a warning for each orphan that is reaped'
complete -c rinit -n __rinit_before_command -l wait-all -d 'Stay until all other processes have exited'
complete -c rinit -n __rinit_before_command -s v -l verbose -d 'Log more'
complete -c rinit -n __rinit_before_command -s q -l quiet -d 'Log errors only'
complete -c rinit -n __rinit_before_command -l log-format -x -a 'text json' -d 'Form of a log line'
complete -c rinit -n __rinit_before_command -l termination-log -r -F -a off -d 'File for the reason why the container failed, or off'
complete -c rinit -n __rinit_before_command -l report -d 'Print the process table of the container'
complete -c rinit -n __rinit_before_command -a '--report=table --report=json' -d 'Form of the process table'
complete -c rinit -n __rinit_before_command -s l -l license -d 'Print the licence'
complete -c rinit -n __rinit_before_command -s V -l version -d 'Print the version'
complete -c rinit -n __rinit_before_command -s h -l help -d 'Print a summary of the options'
