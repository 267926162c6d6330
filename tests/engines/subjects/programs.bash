# shellcheck shell=bash
# shellcheck disable=SC2016,SC2034,SC2154 # Shells in the containers expand it. scratch, took, status: see below.
# Programs that manage processes, each with work in hand when docker stop comes, below any init.
# tests/engines/table prints it as a table.
# From experiments.bash, containers.bash and suite.bash: above, list_zombies, no_sleep_lives, start, time_stop, check, wait_for, same, scratch.

# shellcheck source=/dev/null
source "$repo/tests/engines/subjects/experiments.bash"

programs=(
    supervisord monit s6-svscan runsvdir nginx nginx-term nginx-daemon nginx-daemon-rewrite apache2 apache2ctl
    postgres postgres-open postgres-fast postgres-rewrite cron sshd bash-i bash-i-hup node python
)
# They lose work by their own doing, with rinit as without.
losers=(nginx-term postgres-open bash-i)

check_programs() {
    local program init
    for program in "${programs[@]}"; do
        [[ " ${losers[*]} " != *" $program "* ]] || continue
        for init in rinit docker-init; do
            check "$program with $init: no zombie, a stop in time, all work saved" all_is_saved "$program" "$init"
        done
    done
    check 'nginx drops its requests at TERM, as it documents, with rinit too' \
        cells_are '0 | * ms | 0 | 0 of 10' program_under rinit nginx-term
    check 'these do tell who loses work: runsvdir as PID 1' cells_are '* | 0 of 3' program_under none runsvdir
}

# all_is_saved PROGRAM INIT
all_is_saved() {
    local zombies status saved
    program_under "$2" "$1"
    IFS=' |' read -r zombies _ _ status saved <"$scratch/cells"
    same 'zombies' "$zombies" 0
    # 129 is bash's end by HUP; 137 would be that of Docker's KILL.
    [[ $status == @(0|129|143) ]] || same 'status' "$status" '0, 129 or 143'
    same 'work saved' "${saved% of *}" "${saved#* of }"
}

# program_under INIT PROGRAM: the zombies of twenty orphans, how long docker stop takes, with which
# status, and how much of the work in hand is saved.
program_under() {
    local init=$1 under options=() script load='' verdict='' port session count zombies=0 took status work=$scratch/work
    program="$2"
    rm -rf "$work"
    mkdir -m 1777 "$work"
    write_worker
    "program_${2//-/_}"
    above "$init" bash -c "$script"
    start box --volume "$work:/share" --stop-timeout 5 "${options[@]}" "${under[@]}"
    # A load is work that does not last, so it comes last.
    if [[ $load ]]; then
        wait_for "$program listens" listens_or_ended
    else
        wait_for "$count are at work" at_work_or_ended
    fi
    if box_has_ended; then
        echo "- | ended already | $(docker inspect --format '{{.State.ExitCode}}' box) | 0 of $count" >"$scratch/cells"
        return
    fi

    docker exec box sh -c 'for i in $(seq 20); do (sleep 0.3 &); done'
    wait_for 'the orphans have ended' no_sleep_lives
    LIMIT=3 wait_for 'no zombie' no_zombie || zombies=$(docker exec box sh -c "$list_zombies" | wc -l)

    [[ -z $load ]] || {
        $load
        wait_for "$count are at work" work_is ready "$count"
    }
    time_stop box
    [[ -z $verdict ]] || $verdict
    echo "$zombies | $took ms | $status | $(work_of saved) of $count" >"$scratch/cells"
}

listens_or_ended() {
    docker exec box bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || box_has_ended
}

at_work_or_ended() {
    work_is ready "$count" || box_has_ended
}

box_has_ended() {
    [[ $(docker inspect --format '{{.State.Running}}' box) == false ]]
}

no_zombie() {
    docker exec box sh -c "! $list_zombies"
}

# What is at work says so by a file, and so does what has finished it.
work_is() {
    [[ $(work_of "$1") == "$2" ]]
}

work_of() {
    find "$scratch/work" -name "$1.*" | wc -l
}

# A worker that needs a moment to exit. It has no stderr, and no child when it reports that it is ready: the orphans of this
# check are sleeps too.
write_worker() {
    cat >"$work/worker" <<'WORKER'
#!/bin/bash
exec 2>/dev/null
trap 'read -rt 0.2 <>/share/gate; touch /share/saved.$$; exit 0' TERM
touch /share/ready.$$
while :; do read -rt 1 <>/share/gate; done
WORKER
    chmod +x "$work/worker"
    mkfifo -m 666 "$work/gate"
}

# Each of these sets script, which ends in the program's own start, and count, how much work is in hand.

program_supervisord() {
    count=3
    printf '%s\n' '[program:worker]' 'command=/share/worker' 'numprocs=3' 'process_name=%(process_num)d' >"$work/conf"
    script='cp /share/conf /etc/supervisor/conf.d/worker.conf
        exec supervisord --nodaemon --configuration /etc/supervisor/supervisord.conf'
}

# Monit starts daemons, and leaves them alone when it ends.
program_monit() {
    local i
    count=3
    echo 'set daemon 1' >"$work/monitrc"
    for i in 1 2 3; do
        printf 'check process worker%d pidfile /share/pid%d start program = "/bin/bash -c '\''%s'\''"\n' \
            "$i" "$i" "setsid /share/worker & echo \$! >/share/pid$i" >>"$work/monitrc"
    done
    script='install -m 600 /share/monitrc /etc/monitrc; exec monit -I -c /etc/monitrc'
}

program_s6_svscan() {
    count=3
    script='for i in 1 2 3; do mkdir -p /services/$i; ln -s /share/worker /services/$i/run; done
        exec s6-svscan /services'
}

program_runsvdir() {
    count=3
    script='for i in 1 2 3; do mkdir -p /services/$i; ln -s /share/worker /services/$i/run; done
        exec runsvdir /services'
}

# A server sends a file slowly to ten clients; none of them may get only a part of it.
slow_server() {
    count=10 load=start_clients verdict=clients_end port=80
    head -c 300000 /dev/zero >"$work/file"
    write_clients
}

program_nginx() {
    slow_server
    options=(--stop-signal QUIT)
    cat >"$work/nginx.conf" <<'NGINX'
daemon off;
user root;
events {}
http {
    server {
        listen 127.0.0.1:80;
        root /share;
        limit_rate 200k;
    }
}
NGINX
    script='exec nginx -c /share/nginx.conf'
}

program_nginx_term() {
    program_nginx
    options=()
}

# It goes into the background: main exits at once.
program_nginx_daemon() {
    program_nginx
    options+=(--env RINIT_WAIT_ALL=1)
    sed -i '/daemon off/d' "$work/nginx.conf"
}

program_nginx_daemon_rewrite() {
    program_nginx_daemon
    options=(--env RINIT_WAIT_ALL=1 --env RINIT_REWRITE=TERM:QUIT)
}

program_apache2() {
    slow_server
    options=(--stop-signal WINCH)
    cat >"$work/apache.conf" <<'APACHE'
ServerName box
DocumentRoot /share
<Directory /share>
    Require all granted
    SetOutputFilter RATE_LIMIT
    SetEnv rate-limit 200
</Directory>
APACHE
    local start='a2enmod ratelimit >/dev/null; cp /share/apache.conf /etc/apache2/sites-enabled/000-default.conf'
    script="$start; . /etc/apache2/envvars; mkdir -p /var/run/apache2; exec apache2 -D FOREGROUND"
    [[ $program != apache2ctl ]] || script="$start; exec apache2ctl -D FOREGROUND"
}

# Debian's own way to start it is a script that stays above it.
program_apache2ctl() {
    program_apache2
    # Under docker run --init the script alone would get it, and do nothing with it.
    options+=(--env RINIT_TARGET=group)
}

write_clients() {
    cat >"$work/clients" <<'PYTHON'
import os, socket, threading, time

def client(number):
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", 80))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    connection.sendall(b"GET /file HTTP/1.0\r\n\r\n")
    answer = connection.recv(65536)
    open(f"/share/ready.{number}", "w")
    while piece := connection.recv(65536):
        answer += piece
    if len(answer.partition(b"\r\n\r\n")[2]) == os.stat("/share/file").st_size:
        open(f"/share/saved.{number}", "w")

threads = [threading.Thread(target=client, args=(number,)) for number in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
PYTHON
}

# In a container of their own, at the network of the server's.
start_clients() {
    docker run --detach --name clients --network container:box --volume "$work:/share" \
        base python3 /share/clients >/dev/null
}

clients_end() {
    wait_for 'the clients end' clients_have_ended
}

clients_have_ended() {
    [[ $(docker inspect --format '{{.State.Running}}' clients) == false ]]
}

# A session is open. After TERM postgres waits for it to end by itself, after INT it ends it: and only
# a server that has shut down cleanly finds nothing to recover. This session has three seconds' work.
program_postgres() {
    program_postgres_open
    session=3
}

# And this one never ends.
program_postgres_open() {
    count=1 load=open_session_of_postgres verdict=postgres_ended_in_order port=5432 session=1000
    script='exec setpriv --reuid postgres --regid postgres --init-groups \
        /usr/lib/postgresql/15/bin/postgres -D /etc/postgresql/15/main -k /share'
}

program_postgres_fast() {
    program_postgres_open
    options=(--stop-signal INT)
}

# The signal is TERM, which rinit rewrites to INT. Without rinit it stays TERM.
program_postgres_rewrite() {
    program_postgres_open
    options=(--env RINIT_REWRITE=TERM:INT)
}

open_session_of_postgres() {
    wait_for 'postgres answers' docker exec box pg_isready --host /share
    docker run --detach --name clients --network none --user postgres --volume "$work:/share" base bash -c '
        psql --host /share --command "CREATE TABLE work (id int); INSERT INTO work VALUES (1)"
        psql --host /share --command "\! touch /share/ready.1" --command "INSERT INTO work SELECT 2 FROM pg_sleep($0)"
        true' "$session" >/dev/null
}

postgres_ended_in_order() {
    clients_end
    docker start box >/dev/null
    wait_for 'postgres answers again' docker exec box pg_isready --host /share
    local rows wanted=1
    ((session == 1000)) || wanted='1 2'
    rows=$(docker exec --user postgres box psql --host /share --tuples-only --no-align --command 'SELECT * FROM work')
    logs_have box 'was interrupted' || [[ $(paste -s -d ' ' <<<"$rows") != "$wanted" ]] || touch "$work/saved.1"
}

program_cron() {
    local i
    count=3
    for i in 1 2 3; do
        echo '@reboot root /share/worker'
    done >"$work/crontab"
    script='cp /share/crontab /etc/cron.d/work; chmod 600 /etc/cron.d/work; rm -f /var/run/crond.reboot; exec cron -f'
}

# Its sessions are in hand.
program_sshd() {
    count=3 load=start_sessions port=22
    script='mkdir -p /run/sshd /root/.ssh; ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
        cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; exec /usr/sbin/sshd -D -e'
}

start_sessions() {
    local i
    docker exec box sh -c 'until ssh -o StrictHostKeyChecking=no localhost true 2>/dev/null; do sleep 0.1; done'
    for i in 1 2 3; do
        docker exec --detach box ssh -n localhost /share/worker
    done
}

# A shell at a terminal ignores TERM; HUP ends it, and it passes that on to its jobs.
program_bash_i() {
    count=3
    options=(--tty --interactive)
    sed -i 's/ TERM$/ TERM HUP/' "$work/worker"
    printf '/share/worker & %.0s' 1 2 3 >"$work/bashrc"
    script='exec bash --rcfile /share/bashrc -i'
}

program_bash_i_hup() {
    program_bash_i
    options+=(--stop-signal HUP)
}

# A typical server: no handler for TERM, and children that it does not manage.
program_node() {
    count=3
    cat >"$work/server.js" <<'JAVASCRIPT'
const { spawn } = require("child_process");
require("http").createServer((_, answer) => answer.end("here")).listen(80);
for (let i = 0; i < 3; i++) spawn("/share/worker", { detached: true, stdio: "ignore" }).unref();
JAVASCRIPT
    script='exec node /share/server.js'
}

program_python() {
    count=3
    cat >"$work/server.py" <<'PYTHON'
import multiprocessing, os, signal, sys, time

def worker(number):
    def save(*_):
        time.sleep(0.2)
        open(f"/share/saved.{number}", "w")
        sys.exit()
    signal.signal(signal.SIGTERM, save)
    open(f"/share/ready.{number}", "w")
    while True:
        time.sleep(1)

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    for number in range(3):
        multiprocessing.Process(target=worker, args=(number,), daemon=True).start()
    while True:
        time.sleep(1)
PYTHON
    script='exec python3 /share/server.py'
}

# A server with a shutdown hook, and workers that it does not manage. The JDK is this machine's, with its settings in /etc.
program_java() {
    local java settings
    java=$(realpath /usr/bin/javac) && java=${java%/bin/javac}
    settings=$(realpath "$java/lib/jvm.cfg") && settings=${settings%/*}
    count=4
    options=(--volume "$java:$java:ro" --volume "$settings:$settings:ro")
    cat >"$work/Server.java" <<'JAVA'
import java.nio.file.*;

class Server {
    public static void main(String[] words) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                Thread.sleep(200);
                Files.createFile(Path.of("/share/saved.java"));
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        for (int i = 0; i < 3; i++) new ProcessBuilder("/share/worker").start();
        Files.createFile(Path.of("/share/ready.java"));
        Thread.sleep(Long.MAX_VALUE);
    }
}
JAVA
    "$java/bin/javac" -d "$work" "$work/Server.java"
    script="exec $java/bin/java -cp /share Server"
}
