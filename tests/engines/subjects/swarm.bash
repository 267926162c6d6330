# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # Shells in the containers expand it. scratch, repo, cgroup: see below.
# Docker Swarm: three replicas of nginx, with rinit as their init, under clients that never pause.
# From containers.bash and suite.bash: check, wait_for, same, scratch.

check_swarm() {
    check 'in a swarm scaling, a rolling update and a drain lose no request and kill no process' swarm_loses_nothing
    check 'swarm.yaml deploys the three replicas with rinit' swarm_yaml_deploys
}

# In any case the tasks are stopped by leaving the swarm, and the clients exit when the file exists.
in_a_swarm() {
    mkdir -p "$scratch/swarm"
    trap 'touch "$scratch/swarm/stop"; docker swarm leave --force >/dev/null' EXIT
    docker swarm init --advertise-addr 127.0.0.1 >/dev/null
}

# Each replica has a port of its own, by the number of its slot, since all are on the machine's
# network: 18081 to 18083 on the loopback.
swarm_loses_nothing() {
    local clients work=$scratch/swarm began
    began=$(date +%s)
    mkdir "$work"
    # A file takes half a second.
    head -c 100000 /dev/zero >"$work/file"
    write_swarm_config
    write_swarm_clients
    in_a_swarm
    docker service create --quiet --detach --name web --init --network host --replicas 3 \
        --env 'SLOT={{.Task.Slot}}' --mount "type=bind,source=$work,target=/share" \
        --stop-signal QUIT --stop-grace-period 20s --update-order stop-first --update-delay 0s \
        base sh -c 'sed "s/SLOT/$SLOT/" /share/nginx.conf >/etc/nginx/nginx.conf; exec nginx' >/dev/null
    running 3

    python3 "$work/clients" "$work/stop" >"$work/counts" &
    clients=$!
    wait_for 'requests are answered' test -e "$work/first"

    docker service scale --detach web=1 >/dev/null
    running 1
    docker service scale --detach web=3 >/dev/null
    running 3
    no_zombie_in_tasks
    docker service update --quiet --detach --force web >/dev/null
    wait_for 'the update is complete' update_is completed
    running 3
    docker node update --availability drain "$(docker node ls --quiet)" >/dev/null
    running 0
    docker node update --availability active "$(docker node ls --quiet)" >/dev/null
    running 3

    touch "$work/stop"
    wait "$clients"
    cat "$work/counts"
    local answered lost
    read -r answered lost <"$work/counts"
    ((answered > 20))
    same 'requests lost' "$lost" 0
    # Tasks stopped by the scaling, the update and the drain; in each nginx exited by itself.
    same 'statuses of two, three and three tasks' "$(events die exitCode)" '0 0 0 0 0 0 0 0'
    same 'signals' "$(events kill signal)" '3 3 3 3 3 3 3 3'
}

# running COUNT: COUNT tasks run, and no process of another task remains.
running() {
    LIMIT=90 wait_for "$1 tasks run" tasks_are "$1"
}

tasks_are() {
    (($(docker ps --quiet --filter status=running | wc -l) == $1)) &&
        (($(docker service ps --quiet --filter desired-state=running web | wc -l) >= $1)) &&
        (($(docker service ps --format '{{.CurrentState}}' web | grep -c '^Running') == $1))
}

update_is() {
    [[ $(docker service inspect --format '{{.UpdateStatus.State}}' web) == "$1" ]]
}

no_zombie_in_tasks() {
    local task
    for task in $(docker ps --quiet); do
        wait_for 'no zombie in a task' zombies_are "$task" 0
    done
}

# events EVENT ATTRIBUTE: prints ATTRIBUTE of each EVENT of this service's tasks so far.
events() {
    docker events --since "$began" --until "$(date +%s)" --filter type=container --filter event="$1" \
        --filter label=com.docker.swarm.service.name=web --format "{{.Actor.Attributes.$2}}" | paste -s -d ' '
}

write_swarm_config() {
    cat >"$work/nginx.conf" <<'NGINX'
daemon off;
user root;
worker_processes 1;
pid /run/nginx.pid;
events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:1808SLOT;
        root /share;
        limit_rate 200k;
    }
}
NGINX
}

# Counts complete answers, and those that break off. A connection that closes before the first byte was never accepted: nginx
# answers at once what it accepts.
write_swarm_clients() {
    cat >"$work/clients" <<'PYTHON'
import os, socket, sys, threading, time

stop = sys.argv[1]
work = os.path.dirname(stop)
answered = lost = 0
lock = threading.Lock()

def client(port):
    global answered, lost
    while not os.path.exists(stop):
        answer = b""
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET /file HTTP/1.0\r\n\r\n")
                while piece := connection.recv(65536):
                    answer += piece
        except OSError:
            pass
        whole = len(answer.partition(b"\r\n\r\n")[2]) == 100000
        with lock:
            answered += whole
            lost += bool(answer) and not whole
        if whole:
            open(f"{work}/first", "w")
        else:
            time.sleep(0.05)

threads = [threading.Thread(target=client, args=(18081 + i % 3,)) for i in range(9)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(answered, lost)
PYTHON
}

swarm_yaml_deploys() {
    export IMAGE=plain COMMAND='sleep 1000' NETWORK=host
    in_a_swarm
    # The image exists only on this machine.
    docker stack deploy --resolve-image never --compose-file "$repo/examples/swarm.yaml" web >/dev/null
    wait_for 'three tasks run' three_run
    for task in $(docker ps --quiet); do
        same 'PID 1' "$(docker exec "$task" cat /proc/1/comm)" docker-init
        same 'stop signal' "$(docker inspect --format '{{.Config.StopSignal}}' "$task")" SIGQUIT
    done
    docker stack rm web >/dev/null
    wait_for 'none is left' none_runs
}

three_run() {
    (($(docker ps --quiet | wc -l) == 3))
}

none_runs() {
    (($(docker ps --quiet | wc -l) == 0))
}
