# shellcheck shell=bash
# What tests/engines/cri.py needs. After releases.bash.

# cri_proto FOLDER: the kubelet's interface, of which Debian's package is made for Go, with all of Go that it depends on.
cri_proto() {
    mkdir -p "$1"
    # The Python code of it needs nothing of the generator for Go.
    sed 's/ *\[ *debug_redact = true *\]//' \
        "$(package sid golang-k8s-cri-api-dev)/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto" >"$1/api.proto"
}

# cri_api FOLDER: that interface for Python, in a root of sid.
cri_api() {
    python3 -m grpc_tools.protoc -I"$1" --python_out="$1" --grpc_python_out="$1" "$1/api.proto"
}

# cri_config DATA STATE SOCKET: prints what configures containerd.
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
