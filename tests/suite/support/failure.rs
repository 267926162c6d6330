//! Why a process could not be started as a test specified it.

use nix::errno::Errno;
use std::fmt;

/// The steps between clone and exec, roughly in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Step {
    MakeNamespace,
    JoinNamespace,
    CloneInside,
    MapUser,
    MakeMountsPrivate,
    MountProc,
    StartSession,
    PlaceDescriptors,
    TakeTerminal,
    SetDispositions,
    SetLimits,
    ChangeDirectory,
    ChangeUser,
    FollowParent,
    SetMask,
    Raise,
    Execute,
}

impl Step {
    const ALL: [Step; 17] = [
        Step::MakeNamespace,
        Step::JoinNamespace,
        Step::CloneInside,
        Step::MapUser,
        Step::MakeMountsPrivate,
        Step::MountProc,
        Step::StartSession,
        Step::PlaceDescriptors,
        Step::TakeTerminal,
        Step::SetDispositions,
        Step::SetLimits,
        Step::ChangeDirectory,
        Step::ChangeUser,
        Step::FollowParent,
        Step::SetMask,
        Step::Raise,
        Step::Execute,
    ];

    fn tried(self) -> &'static str {
        match self {
            Step::MakeNamespace => "make a PID namespace",
            Step::JoinNamespace => "join the PID namespace",
            Step::CloneInside => "start a process in the PID namespace",
            Step::MapUser => "map the user into the user namespace",
            Step::MakeMountsPrivate => "make the mounts of the namespace private",
            Step::MountProc => "mount /proc in the namespace",
            Step::StartSession => "start a session",
            Step::PlaceDescriptors => "put the descriptors in place",
            Step::TakeTerminal => "take the controlling terminal",
            Step::SetDispositions => "set the signal dispositions",
            Step::SetLimits => "set the limits",
            Step::ChangeDirectory => "change the directory",
            Step::ChangeUser => "change the user",
            Step::FollowParent => "ask for the parent-death signal",
            Step::SetMask => "set the signal mask",
            Step::Raise => "raise a signal",
            Step::Execute => "execute the program",
        }
    }

    fn what_to_do(self) -> &'static str {
        match self {
            Step::MakeNamespace | Step::JoinNamespace if nix::unistd::geteuid().is_root() => {
                "; these tests need CAP_SYS_ADMIN: in a container, `docker run --privileged`"
            }
            Step::MakeNamespace | Step::JoinNamespace | Step::MapUser | Step::MakeMountsPrivate => {
                "; run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
                 user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns=0)"
            }
            Step::MountProc => {
                "; run as root, or where nothing is mounted over parts of /proc: in a container, \
                 `docker run --privileged`"
            }
            _ => "",
        }
    }
}

/// A step that failed, and the kernel's reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub errno: Errno,
}

impl Failure {
    /// Converts it to two numbers, which a child can write to a pipe without allocating.
    pub fn to_raw(self) -> [i32; 2] {
        [self.step as i32, self.errno as i32]
    }

    /// Reads it back from these numbers.
    pub fn from_raw([step, errno]: [i32; 2]) -> Failure {
        let known = Step::ALL.into_iter().find(|known| *known as i32 == step);
        Failure { step: known.expect("a step's number"), errno: Errno::from_raw(errno) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tried, hint) = (self.step.tried(), self.step.what_to_do());
        write!(f, "cannot {tried}: {}{hint}", self.errno)
    }
}
