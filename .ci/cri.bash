# shellcheck shell=bash
# What .ci/cri.py needs, in a root of Debian's sid.

# cri_api FOLDER: the kubelet's interface, for Python.
cri_api() {
    local source=/usr/share/gocode/src/k8s.io/cri-api/pkg/apis/runtime/v1/api.proto
    mkdir -p "$1"
    # The Python code of it needs nothing of the generator for Go.
    sed 's/ *\[ *debug_redact = true *\]//' "$source" >"$1/api.proto"
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
