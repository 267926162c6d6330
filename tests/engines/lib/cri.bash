# shellcheck shell=bash
# What tests/engines/cri.py needs. Source it after releases.bash.

# cri_proto FOLDER: gets the kubelet's interface. Debian's package of it depends on many packages for Go, which are left out.
cri_proto() {
    mkdir -p "$1"
    # The Python code does not need the parts for Go's generator.
    sed 's/ *\[ *debug_redact = true *\]//' \
        "$(package sid golang-k8s-cri-api-dev)/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto" >"$1/api.proto"
}

# cri_api FOLDER: makes that interface for Python, in a root of sid.
cri_api() {
    python3 -m grpc_tools.protoc -I"$1" --python_out="$1" --grpc_python_out="$1" "$1/api.proto"
}

# cri_config DATA STATE SOCKET: prints a configuration for containerd.
cri_config() {
    cat <<END
version = 3
root = "$1"
state = "$2"
[grpc]
  address = "$3"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "native"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "docker.io/library/pause:latest"
END
}
