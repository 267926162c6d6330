# shellcheck shell=bash
# shellcheck disable=SC2154 # repo, scratch, rinit: see below.
# Installs packages on this machine and makes the images for the containers of tests/engines/run.
# From the main script: repo, scratch, rinit.

# shellcheck source=packaging/debian.bash
. "$repo/packaging/debian.bash"

cache=$repo/target/engines

# The Debian packages in the images, besides busybox.
contents=(
    redis-server nginx-light apache2 postgresql-15 nodejs python3
    supervisor monit s6 runit cron openssh-server busybox-syslogd
)

# install_packages [PACKAGE…]: installs those of these packages, and of the packages that every script needs, that are missing.
install_packages() {
    local command
    # Checks the commands, because Docker's own packages are as good as Debian's docker.io.
    for command in dockerd containerd docker; do
        type -P "$command" >/dev/null || set -- docker.io "$@"
    done
    # A machine apart (apart.bash) gets this file from outside.
    [[ -e $(debian_tar) ]] || set -- mmdebstrap "$@"
    this_machine_needs busybox-static "$@"
    # From Debian 13 on the client is a package of its own.
    type -P docker >/dev/null || this_machine_needs docker-cli
}

# The images, by the tag that the checks use:
#   base      Debian with all `contents` installed, so that the RUN lines of Dockerfile.example and of
#             examples/ have nothing to download
#   debian    base, rinit as the entrypoint
#   example   Dockerfile.example on base
#   plain     busybox, no init
#   small     busybox, rinit as the entrypoint
#   bare      FROM scratch: rinit, one busybox file, and nothing else
make_images() {
    mkdir "$scratch/context"
    cp "$rinit" "$scratch/context/rinit"
    cp "$(type -P busybox)" "$scratch/context/busybox"

    import_debian
    build example --build-arg BASE=base <"$repo/Dockerfile.example"
    import_busybox
    build debian <<'END'
FROM base
COPY rinit /sbin/rinit
ENTRYPOINT ["/sbin/rinit", "--"]
END
    build small <<'END'
FROM plain
COPY rinit /sbin/rinit
ENTRYPOINT ["/sbin/rinit", "--"]
END
    build bare <<'END'
FROM scratch
COPY rinit busybox /
ENTRYPOINT ["/rinit", "--"]
END
}

# build TAG [OPTION…] <DOCKERFILE, with the folder `context` or that of the suite. Uses the classic builder, which needs neither
# a plugin nor a registry.
build() {
    local tag=$1 context=${context:-$scratch/context}
    shift
    cat >"$scratch/Dockerfile"
    DOCKER_BUILDKIT=0 docker build --network none --tag "$tag" --file "$scratch/Dockerfile" "$@" "$context" \
        >"$scratch/build.log" 2>&1 || {
        cat "$scratch/build.log"
        return 1
    }
}

# The Debian release of the images: RINIT_IMAGES, or this machine's own.
images_release() {
    # shellcheck source=/dev/null
    echo "${RINIT_IMAGES:-$(. /etc/os-release && echo "$VERSION_CODENAME")}"
}

debian_tar() {
    echo "$cache/$(images_release)-$(cksum <<<"${contents[*]} $(declare -f bootstrap)" | cut -d ' ' -f 1).tar"
}

# Making it takes a minute, so the result is kept in target/ until `cargo clean`. The name depends on the contents.
import_debian() {
    local tar
    tar=$(debian_tar)
    if [[ ! -e $tar ]]; then
        mkdir -p "$cache"
        # Renamed when complete, so that an interrupted run leaves no partial file under that name.
        bootstrap "$(images_release)" "$tar.$$"
        mv "$tar.$$" "$tar"
    fi
    docker import "$tar" base >/dev/null
}

# bootstrap RELEASE TAR: makes a minimal root of it, from this machine's own mirror.
bootstrap() {
    local codename=$1 tar=$2 mirror components path excluded=()
    mirror=$(mirror)
    # The components that this machine uses; for another release, only main.
    components=$(apt-get indextargets --format '$(COMPONENT)' 'Created-By: Packages' "Codename: $codename" | sort -u | paste -s -d ,)
    for path in doc man locale; do
        excluded+=(--dpkgopt="path-exclude=/usr/share/$path/*")
    done
    # busybox has the same path as in the image `bare`, for checks that run in any image. Without sources `apt-get update` needs
    # no network, and the mirror stays out of the image.
    # shellcheck disable=SC2016 # mmdebstrap expands it.
    TMPDIR=$scratch mmdebstrap --mode=root --variant=minbase --format=tar \
        --include="$(IFS=, && echo "${contents[*]}")" ${components:+--components="$components"} "${excluded[@]}" \
        --customize-hook='rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d; ln -s bin/busybox "$1/busybox"' \
        "$codename" "$tar" ${mirror:+"$mirror"} >"$scratch/mmdebstrap.log" 2>&1 || {
        cat "$scratch/mmdebstrap.log"
        return 1
    }
}

remove_unfinished_base() {
    rm -f "$cache"/*."$$"
}

import_busybox() {
    local root=$scratch/busybox applet
    mkdir -p "$root"/{bin,sbin,tmp}
    cp "$scratch/context/busybox" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
    done
    ln -s bin/busybox "$root/busybox" # Where the image `bare` has it.
    # A file that is found but not executable.
    echo 'not a program' >"$root/tmp/data"
    tar --create --file "$scratch/plain.tar" --numeric-owner --owner 0 --group 0 --directory "$root" .
    docker import "$scratch/plain.tar" plain >/dev/null
}
