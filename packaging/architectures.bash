# The architectures of a release, and the names that each has in different places.
# shellcheck shell=bash disable=SC2034

architectures=(x86_64 aarch64 armv7 i686 ppc64le riscv64 s390x)

# name_architecture NAME: sets deb_arch, rpm_arch, platform (of an OCI image) and the names of gcc, musl and Rust: gnu, musl,
# target. Fails for any other name.
name_architecture() {
    local variant=
    case $1 in
        x86_64) set -- amd64 x86_64 amd64 x86_64-linux-gnu x86_64-linux-musl x86_64-unknown-linux-musl ;;
        aarch64) set -- arm64 aarch64 arm64 aarch64-linux-gnu aarch64-linux-musl aarch64-unknown-linux-musl ;;
        armv7)
            set -- armhf armv7hl arm arm-linux-gnueabihf arm-linux-musleabihf armv7-unknown-linux-musleabihf
            variant=',"variant":"v7"'
            ;;
        i686) set -- i386 i686 386 i686-linux-gnu i386-linux-musl i686-unknown-linux-musl ;;
        ppc64le) set -- ppc64el ppc64le ppc64le powerpc64le-linux-gnu powerpc64le-linux-musl powerpc64le-unknown-linux-musl ;;
        riscv64) set -- riscv64 riscv64 riscv64 riscv64-linux-gnu riscv64-linux-musl riscv64gc-unknown-linux-musl ;;
        s390x) set -- s390x s390x s390x s390x-linux-gnu s390x-linux-musl s390x-unknown-linux-musl ;;
        *) return 1 ;;
    esac
    deb_arch=$1 rpm_arch=$2 gnu=$4 musl=$5 target=$6
    platform="\"architecture\":\"$3\",\"os\":\"linux\"$variant"
}
