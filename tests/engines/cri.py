"""Does with containerd what the kubelet does, by the same interface (CRI): for tests/engines/cri, and, with the argument cgroup2,
what differs with control groups version 2, for tests/engines/docker-cgroup2. The socket is that of the variable CRI_SOCKET."""

import hashlib, io, json, os, re, socket, subprocess, sys, tarfile, threading, time

import grpc

WORK = "/share/cri"
SOCKET = os.environ["CRI_SOCKET"]
sys.path.insert(0, WORK)
import api_pb2 as api
import api_pb2_grpc as services

channel = grpc.insecure_channel("unix://" + SOCKET)
runtime = services.RuntimeServiceStub(channel)
passed = failed = 0

# Both processes need a moment at TERM.
WITNESS = """
setsid sh -c 'trap "sleep 0.3; echo other saved; exit" TERM; echo other ready; while :; do sleep 1000 & wait $!; done' &
trap "echo main saved; exit 9" TERM
i=0; while [ $i -lt 100 ]; do (: &); i=$((i + 1)); done
echo main ready
while :; do sleep 1000 & wait $!; done
"""
# Grows without end.
HOG = "x=0123456789; while :; do x=$x$x; done"
# Finishes the requests that it has accepted, each of which takes half a second.
SERVER = """
import signal, socket, sys, threading, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
asked = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: asked.set())
def answer(connection):
    connection.recv(1000)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
    time.sleep(0.5)
    connection.sendall(b"whole")
    connection.close()
listener.settimeout(0.02)
threads = []
print("main ready", flush=True)
while not asked.is_set():
    try:
        threads.append(threading.Thread(target=answer, args=(listener.accept()[0],)))
        threads[-1].start()
    except TimeoutError:
        pass
for thread in threads:
    thread.join()
print("main saved", flush=True)
"""


def check(name, function, *arguments, **options):
    global passed, failed
    try:
        function(*arguments, **options)
        passed += 1
        print("ok", name, flush=True)
    except (AssertionError, grpc.RpcError, OSError) as error:
        failed += 1
        print("FAILED %s: %s" % (name, error), flush=True)


def same(what, got, wanted):
    assert got == wanted, "%s: got %r, wanted %r" % (what, got, wanted)


def wait_for(what, function, limit=60):
    end = time.time() + limit
    while not function():
        assert time.time() < end, "%s: not so within %d s" % (what, limit)
        time.sleep(0.05)


class Pod:
    """A sandbox with its containers. All on the machine's network: there is no CNI."""

    def __init__(self, name, shared):
        self.name, self.shared = name, shared
        self.pid = api.POD if shared else api.CONTAINER
        self.config = api.PodSandboxConfig(
            metadata=api.PodSandboxMetadata(name=name, uid=name, namespace="default", attempt=1),
            log_directory="/share/crilog/" + name,
            linux=api.LinuxPodSandboxConfig(
                cgroup_parent="/rinit-pods",
                security_context=api.LinuxSandboxSecurityContext(namespace_options=self.namespaces()),
            ),
        )
        self.id = runtime.RunPodSandbox(api.RunPodSandboxRequest(config=self.config)).pod_sandbox_id

    def namespaces(self):
        return api.NamespaceOption(network=api.NODE, pid=self.pid, ipc=api.POD)

    def container(self, name, command, memory=0, group=False, environment={}):
        """As the kubelet makes it, which mounts a file of everybody's at /dev/termination-log. `group`: it sets
        memory.oom.group, as since 1.28 unless it is told of singleProcessOOMKill."""
        message = "%s/%s-%s.message" % (WORK, self.name, name)
        open(message, "w").close()
        os.chmod(message, 0o666)
        config = api.ContainerConfig(
            metadata=api.ContainerMetadata(name=name, attempt=1),
            image=api.ImageSpec(image="docker.io/library/small:latest"),
            command=["/rinit", "--"],
            args=command,
            log_path=name + ".log",
            envs=[api.KeyValue(key=key, value=value.encode()) for key, value in environment.items()],
            mounts=[
                api.Mount(host_path="/usr", container_path="/usr", readonly=True),
                api.Mount(host_path=message, container_path="/dev/termination-log"),
            ],
            linux=api.LinuxContainerConfig(
                resources=api.LinuxContainerResources(
                    memory_limit_in_bytes=memory, oom_score_adj=100, unified={"memory.oom.group": "1"} if group else {}
                ),
                security_context=api.LinuxContainerSecurityContext(namespace_options=self.namespaces()),
            ),
        )
        request = api.CreateContainerRequest(pod_sandbox_id=self.id, config=config, sandbox_config=self.config)
        container = Container(self, name, runtime.CreateContainer(request).container_id, message)
        runtime.StartContainer(api.StartContainerRequest(container_id=container.id))
        return container

    def stop(self):
        began = time.time()
        runtime.StopPodSandbox(api.StopPodSandboxRequest(pod_sandbox_id=self.id))
        runtime.RemovePodSandbox(api.RemovePodSandboxRequest(pod_sandbox_id=self.id))
        return time.time() - began


class Container:
    def __init__(self, pod, name, id, message):
        self.pod, self.name, self.id, self.path = pod, name, id, message

    def log(self):
        try:
            with open("/share/crilog/%s/%s.log" % (self.pod.name, self.name)) as log:
                # TIME STREAM F TEXT
                return [line.rstrip("\n").split(" ", 3)[3] for line in log]
        except OSError:
            return []

    def has(self, text):
        return any(text in line for line in self.log())

    def must_have(self, text):
        assert self.has(text), "no %r in the log: %r" % (text, self.log())

    def ready(self):
        wait_for("main is ready", lambda: self.has("main ready"))
        return self

    def run(self, *command, timeout=20):
        answer = runtime.ExecSync(api.ExecSyncRequest(container_id=self.id, cmd=list(command), timeout=timeout))
        return answer.exit_code, (answer.stdout + answer.stderr).decode()

    def state(self):
        status = runtime.ContainerStatus(api.ContainerStatusRequest(container_id=self.id)).status
        return api.ContainerState.Name(status.state), status.exit_code, status.reason

    def ended(self):
        return self.state()[0] == "CONTAINER_EXITED"

    def stop(self, timeout):
        began = time.time()
        runtime.StopContainer(api.StopContainerRequest(container_id=self.id, timeout=timeout))
        return time.time() - began

    def message(self):
        """What `kubectl describe pod` shows."""
        with open(self.path) as file:
            return file.read()

    def no_zombie(self):
        return self.run("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '")[1] == "0\n"


def witness(pod, name):
    container = pod.container(name, ["sh", "-c", WITNESS]).ready()
    wait_for("the other is ready", lambda: container.has("other ready"))
    return container


def pid_1(pod):
    web = witness(pod, "pid1")
    # rinit as well where the process namespace is the pod's: the pause image has it.
    words = "/rinit --pause" if pod.shared else "/rinit -- sh -c"
    line = web.run("sh", "-c", "tr '\\0' ' ' </proc/1/cmdline")[1]
    assert line.startswith(words), "PID 1 is %r" % line
    wait_for("no zombie of a hundred orphans", web.no_zombie)
    report = web.run("/rinit", "--report")[1]
    assert "sleep 1000" in report, report
    took = web.stop(20)
    assert took < 10, "took %f s" % took
    same("status", web.state()[:2], ("CONTAINER_EXITED", 9))
    web.must_have("main saved")
    web.must_have("other saved")


def session(pod):
    web = witness(pod, "session")
    result = []
    script = 'trap "sleep 0.2; echo exec saved; exit 4" TERM; echo >/session; while :; do sleep 1000 & wait $!; done'
    thread = threading.Thread(target=lambda: result.append(web.run("sh", "-c", script, timeout=60)))
    thread.start()
    wait_for("the session is ready", lambda: web.run("test", "-e", "/session")[0] == 0)
    web.stop(20)
    thread.join()
    same("status", web.state()[1], 9)
    if pod.shared:
        # Nobody's descendant but the runtime's, and so none of rinit's: it goes with the container.
        same("the session", result[0][0], 137)
    else:
        same("the session", result[0], (4, "exec saved\n"))


def probe(pod):
    web = witness(pod, "probe")
    try:
        web.run("sh", "-c", "sleep 600 >/dev/null 2>&1 & sleep 30", timeout=1)
        raise AssertionError("the probe did not time out")
    except grpc.RpcError as error:
        same("code", error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    wait_for("no zombie", web.no_zombie)
    same("another probe", web.run("true")[0], 0)
    took = web.stop(20)
    assert took < 10, "took %f s" % took
    same("status", web.state()[1], 9)
    web.must_have("other saved")


def memory(pod, name, command):
    container = pod.container(name, ["sh", "-c", command], memory=24 << 20, environment=reporting(pod))
    wait_for("it ends", container.ended)
    same("state", container.state(), ("CONTAINER_EXITED", 137, "OOMKilled"))
    container.must_have("out of memory")
    message = container.message()
    assert re.fullmatch(r"main process \d+ \(sh\) .*: out of memory.*\n", message), "message %r" % message


def memory_of_all(pod):
    """With memory.oom.group the kernel kills rinit too."""
    container = pod.container("group", ["sh", "-c", "sleep 1000 & " + HOG], memory=24 << 20, group=True)
    wait_for("it ends", container.ended)
    same("state", container.state(), ("CONTAINER_EXITED", 137, "OOMKilled"))
    same("log", container.log(), [])
    same("message", container.message(), "")


def reporting(pod):
    """rinit is told of the file where it is not PID 1."""
    return {"RINIT_TERMINATION_LOG": "/dev/termination-log"} if pod.shared else {}


def message(pod, name, script, status, wanted, stop=False, environment={}):
    """The termination message of a container that runs `script`, and ends with `status`: `wanted` is a regular expression."""
    container = pod.container(name, ["sh", "-c", script], environment={**reporting(pod), **environment})
    if stop:
        container.ready().stop(20)
    wait_for("it ends", container.ended)
    same("status", container.state()[:2], ("CONTAINER_EXITED", status))
    text = container.message()
    assert re.fullmatch(wanted, text), "message %r, wanted %r" % (text, wanted)


def messages(pod, where):
    # A process of a session of its own that ignores TERM, and has said so.
    deaf = "setsid sh -c 'trap \"\" TERM; echo deaf ready; exec sleep 1000' & "
    for what, name, script, status, wanted, options in [
        ("death by SEGV", "segv", "kill -SEGV $$", 139, r"main process \d+ \(sh\) was killed by SIGSEGV.*\n", {}),
        ("exit 3", "exit", "exit 3", 3, r"main process \d+ \(sh\) exited with status 3\n", {}),
        ("a process killed at the end of the grace period", "grace",
         deaf + 'trap "exit 0" TERM; echo main ready; while :; do sleep 1000 & wait $!; done', 0,
         r"killed after the grace period of 1s: PID \d+, sleep 1000, ignores SIGTERM\n",
         {"stop": True, "environment": {"RINIT_GRACE": "1s"}}),
        ("main killed after --kill-after", "after", "trap '' TERM; echo main ready; while :; do sleep 1; done", 137,
         r"main process \d+ \(sh\) was killed by SIGKILL by rinit: --kill-after.*\n(?s:.*)",
         {"stop": True, "environment": {"RINIT_KILL_AFTER": "1s"}}),
        ("nothing at a plain stop", "plain", 'trap "exit 0" TERM; echo main ready; while :; do sleep 1000 & wait $!; done', 0, "",
         {"stop": True}),
        ("nothing where the stop signal ends main", "signal", "echo main ready; exec sleep 1000", 143, "", {"stop": True}),
        ("what main wrote itself", "own", "echo disk full >/dev/termination-log; exit 3", 3, r"disk full\n", {}),
    ]:
        check("%s: the termination message has: %s" % (where, what), message, pod, name, script, status, wanted, **options)


def no_message_by_default(pod):
    """Of a process that is not PID 1 of its container nobody has said that its end is the container's."""
    container = pod.container("default", ["sh", "-c", "exit 3"])
    wait_for("it ends", container.ended)
    same("status", container.state()[:2], ("CONTAINER_EXITED", 3))
    same("message", container.message(), "")


def deaf(pod):
    container = pod.container("deaf", ["sh", "-c", 'trap "" TERM; echo main ready; sleep 1000']).ready()
    took = container.stop(3)
    assert 2.5 < took < 15, "took %f s" % took
    same("status", container.state()[1], 137)
    # The kubelet's KILL is rinit's too.
    same("message", container.message(), "")


def sidecar(pod):
    """With restartPolicy: Always the kubelet stops it after the containers: by the same calls, in that order."""
    side, web = witness(pod, "side"), witness(pod, "main")
    web.stop(20)
    assert not side.ended(), "the sidecar has exited with main"
    side.stop(20)
    for container in (web, side):
        same("status", container.state()[1], 9)
        container.must_have("other saved")


class Load:
    """Clients that ask all endpoints there are. An answer that breaks off is lost."""

    def __init__(self):
        self.endpoints, self.answered, self.lost, self.stopped = [], 0, 0, False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client, args=(i,)) for i in range(6)]

    def client(self, number):
        while not self.stopped:
            with self.lock:
                port = self.endpoints[number % len(self.endpoints)]
            answer = b""
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    while piece := connection.recv(1000):
                        answer += piece
            except OSError:
                pass
            with self.lock:
                self.answered += answer.endswith(b"whole")
                # What the server has not accepted is asked again elsewhere, as a load balancer does.
                self.lost += bool(answer) and not answer.endswith(b"whole")
            if not answer:
                time.sleep(0.05)


def rolling(shared):
    def replica(number):
        pod = Pod("web%d-%d" % (number, shared), shared)
        # In the shell form: the shell dies of TERM at once, and the server is for rinit to wait for.
        command = "python3 -c '%s' %d; :" % (SERVER, 18080 + number)
        return pod, pod.container("web", ["sh", "-c", command]).ready(), 18080 + number

    replicas = [replica(number) for number in range(3)]
    load = Load()
    load.endpoints = [port for _, _, port in replicas]
    for thread in load.threads:
        thread.start()
    wait_for("requests are answered", lambda: load.answered > 10)
    statuses = []
    for number in range(3):
        new = replica(3 + number)
        old = replicas[number]
        with load.lock:
            load.endpoints.remove(old[2])
            load.endpoints.append(new[2])
        old[1].stop(30)
        statuses.append(old[1].state()[1])
        old[1].must_have("main saved")
        old[0].stop()
        replicas.append(new)
    before = load.answered
    wait_for("the new ones answer", lambda: load.answered > before + 10)
    load.stopped = True
    for thread in load.threads:
        thread.join()
    for pod, container, _ in replicas[3:]:
        container.stop(30)
        pod.stop()
    print("    %d requests answered whole, %d lost" % (load.answered, load.lost), flush=True)
    same("lost requests", load.lost, 0)
    same("statuses of the shells", statuses, [143, 143, 143])


def image(name, files, links, config):
    """An archive as `docker save` writes it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for path, source in files:
            tar.add(source, path, filter=lambda member: member)
        for path, target in links:
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
        for path in ("proc", "sys", "dev", "tmp", "etc", "run", "usr", "root"):
            member = tarfile.TarInfo(path)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)
    layer = layer.getvalue()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]},
    }).encode()
    manifest = [{"Config": "config.json", "RepoTags": ["docker.io/library/%s:latest" % name], "Layers": ["layer.tar"]}]
    path = "%s/%s.tar" % (WORK, name)
    with tarfile.open(path, "w") as tar:
        for member, content in (("config.json", config), ("layer.tar", layer), ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    subprocess.run(["ctr", "--address", SOCKET, "--namespace", "k8s.io", "image", "import", "--snapshotter", "native",
                    "--local", path], check=True, stdout=subprocess.DEVNULL)


image("pause", [("rinit", "/sbin/rinit")], [], {"Entrypoint": ["/rinit", "--pause"]})
# busybox, and what else there is by a mount: Python is this root's.
busybox = next(path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path))
applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout.split()
image("small", [("rinit", "/sbin/rinit"), ("bin/busybox", busybox)],
      [("bin/" + name, "busybox") for name in applets if name != "busybox"] + [(name, "usr/" + name) for name in ("lib", "lib64")],
      {"Entrypoint": ["/rinit", "--"], "Env": ["PATH=/bin:/usr/sbin:/usr/bin"]})

if "cgroup2" in sys.argv:
    pod = Pod("pod-2", False)
    check("pod: out of memory is OOMKilled, and the log and the termination message have the reason", memory, pod, "memory", HOG)
    check("pod: so it is by way of a shell", memory, pod, "shell", "sh -c '%s'; exit $?" % HOG)
    check("pod: with memory.oom.group, the kubelet's default, all are killed, and no message is written", memory_of_all, pod)
    check("pod: rinit is PID 1, no zombie stays, a stop lets all save", pid_1, pod)
    pod.stop()
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)

for shared in (False, True):
    where = "pod with a shared process namespace" if shared else "pod"
    pod = Pod("pod-%d" % shared, shared)
    check("%s: rinit is PID 1, no zombie stays, a stop lets all save" % where, pid_1, pod)
    if shared:
        check("%s: what kubectl exec started goes with the container" % where, session, pod)
    else:
        check("%s: what kubectl exec started is asked, and waited for" % where, session, pod)
    check("%s: a probe that times out leaves no zombie, and holds up no stop" % where, probe, pod)
    check("%s: out of memory is OOMKilled, and the log and the termination message have the reason" % where, memory, pod, "memory", HOG)
    check("%s: so it is by way of a shell" % where, memory, pod, "shell", "sh -c '%s'; exit $?" % HOG)
    messages(pod, where)
    if shared:
        check("%s: without RINIT_TERMINATION_LOG no termination message is written" % where, no_message_by_default, pod)
    check("%s: what does not stop is killed after the timeout" % where, deaf, pod)
    check("%s: a sidecar outlives the container, and stops after it" % where, sidecar, pod)

    def stop():
        took = pod.stop()
        assert took < 10, "took %f s" % took
    check("%s: the pause process, which is rinit, ends at once" % where, stop)
    check("%s: a rolling replacement under load loses no request" % where, rolling, shared)
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
