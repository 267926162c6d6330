//! Terminals and jobs: Ctrl-C, Ctrl-Z, `fg`, `bg`, scripts and pipelines work as if rinit were not there. These are all
//! rules about it, in the order in which they apply to a run. They are pure; `terminal` asks the kernel and acts.
//!
//! The difficulty: main leads a process group of its own, so that a signal for it does not also reach whoever shares rinit's
//! group. A terminal, however, has one foreground group: only that one may read, and only that one gets the keys' signals. A
//! shell gives the foreground to the group it knows of, which is rinit's.

use crate::signal::{Signal, SignalSet};

pub mod terminal;

/// Who could continue main after one of the terminal's stop signals (TSTP, TTIN, TTOU).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobControl {
    /// There is no terminal: nothing follows from main's being stopped.
    None,
    /// The shell that started rinit.
    Shell,
    /// No process. Had main been started directly, the kernel would have discarded the terminal's stop signals.
    Nobody,
}

/// Which process group has the terminal's foreground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreground {
    /// rinit's.
    Ours,
    /// The one that main leads.
    Mains,
    /// One of which no process is left.
    Gone,
    /// One of which nothing is known, such as that of a shell which has rinit in the background.
    Another,
}

/// The process group that rinit was started in.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnGroup {
    /// Whether rinit leads its session.
    pub leads_session: bool,
    /// Whether rinit leads this group.
    pub leads_group: bool,
    /// Whether a standard stream is a pipe.
    pub has_pipe: bool,
    /// Whether rinit was started with TTIN ignored or blocked, and so will main be.
    pub is_deaf: bool,
}

impl OwnGroup {
    /// The start. Main gets the foreground at once where rinit's group has it, and
    ///
    /// - either is rinit's alone,
    /// - or TTIN is ignored, as in bash's `$(…)`: a read in the background would fail with EIO, and not stop main.
    ///
    /// In a script or a pipeline (`rinit … | less`) the group's other processes need the keys, and maybe the input. There
    /// rinit's group keeps the foreground until main needs it, and rinit forwards the keys' signals, which it gets with its
    /// group.
    pub fn gives_foreground(self) -> bool {
        self.is_ours_alone() || self.is_deaf
    }

    /// Whether rinit's group holds no other process that could need the terminal:
    ///
    /// - A leader of a session was started by `docker run -t`, a terminal emulator or sshd, and not by a shell.
    /// - Otherwise a shell with job control makes a group for each job, of which rinit is the leader if it is the first
    ///   process of it. If the job is a pipeline, one of the standard streams is a pipe.
    pub fn is_ours_alone(self) -> bool {
        self.leads_session || self.leads_group && !self.has_pipe
    }
}

/// What follows from main's being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    None,
    /// Main's group is continued.
    Continue,
    /// Main's group gets the foreground and is continued.
    ContinueInForeground,
    /// Rinit's group gets the foreground.
    TakeForeground,
    /// Rinit's group stops by the same signal.
    StopToo,
}

impl JobControl {
    /// Main has been stopped by `signal`. `by_itself`: main does not leave TSTP to its default action.
    ///
    /// - TTIN and TTOU say that main needs the foreground. If rinit's group has it, main gets it: a shell says nothing when
    ///   it brings a running job to the foreground (bash sends no CONT), and in a script or a pipeline main gets it only now.
    /// - Where another group has it, rinit's job is in the background, and stops. `fg` continues it.
    /// - Where the foreground group is gone and no shell could help, main gets the foreground. (Started directly it would get
    ///   EIO, as a member of an orphaned group.)
    /// - TSTP is Ctrl-Z, or a program's own wish: rinit stops too, and with it the script that it is in, so that the shell
    ///   sees a stopped job.
    /// - Where no shell could continue main, TSTP is undone.
    /// - STOP concerns main and its sender alone: a stopped rinit would not see that main is continued. But the keys must not
    ///   go to a process that cannot take them: rinit's group takes the foreground back.
    /// - STOP is followed where main has the foreground and handles Ctrl-Z itself: it has restored the terminal's settings,
    ///   and then stopped itself (signal-hook's `emulate_default_handler`).
    pub fn main_stopped(self, signal: Signal, foreground: Foreground, by_itself: bool) -> Reaction {
        match (self, signal, foreground) {
            (JobControl::None, ..) => Reaction::None,
            (_, Signal::TTIN | Signal::TTOU, Foreground::Ours) => Reaction::ContinueInForeground,
            (JobControl::Nobody, Signal::TTIN | Signal::TTOU, Foreground::Gone) => Reaction::ContinueInForeground,
            (JobControl::Shell, Signal::TSTP | Signal::TTIN | Signal::TTOU, _) => Reaction::StopToo,
            (JobControl::Nobody, Signal::TSTP, _) => Reaction::Continue,
            (JobControl::Shell, Signal::STOP, Foreground::Mains) if by_itself => Reaction::StopToo,
            (JobControl::Shell, Signal::STOP, Foreground::Mains) => Reaction::TakeForeground,
            _ => Reaction::None,
        }
    }
}

/// Rinit's own group was sent TTIN or TTOU by the kernel: a process of it, in a script or a pipeline, needs the foreground.
///
/// - If main's group has got it meanwhile, rinit's group takes it back and is continued. Main gets it again when it needs it.
/// - If another group has it, the whole job is in the background: the signal is forwarded, as main would get it too.
pub fn own_group_needs_foreground(foreground: Foreground) -> bool {
    matches!(foreground, Foreground::Ours | Foreground::Mains)
}

/// Whether a TERM that was forwarded is to be followed by HUP. `ignored` are main's ignored signals, `leads` whether it leads
/// its group or session on a terminal.
///
/// - An interactive shell ignores TERM, so `docker stop` of `docker run -it IMAGE bash` would end in KILL after 10 s. HUP is
///   what a shell gets when its terminal is closed: it passes it on to its jobs, which can save, and exits.
/// - A shell with job control ignores TSTP too. A program that merely inherited an ignored TERM is left alone.
pub fn hangs_up(ignored: SignalSet, leads: bool) -> bool {
    leads && ignored.contains(Signal::TERM) && ignored.contains(Signal::TSTP)
}

/// Main has exited, or rinit is about to. The foreground returns to rinit's group where main's group has it, or a group that
/// is gone: otherwise Ctrl-C would reach no process while rinit waits for the remaining ones. Another group keeps it: a shell
/// that has put rinit into the background has taken it, or a remaining process works there.
pub fn foreground_returns(foreground: Foreground) -> bool {
    matches!(foreground, Foreground::Mains | Foreground::Gone)
}

/// Ctrl-C or Ctrl-\ has ended main (rinit did not send that signal). Where main's group had the foreground, and rinit's group
/// holds other processes, these would have got it too: it is sent to them.
pub fn relays(signal: Signal, foreground: Foreground, alone: bool) -> bool {
    matches!(signal, Signal::INT | Signal::QUIT) && foreground == Foreground::Mains && !alone
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPS: [Signal; 4] = [Signal::TSTP, Signal::TTIN, Signal::TTOU, Signal::STOP];
    const GROUPS: [Foreground; 4] = [Foreground::Ours, Foreground::Mains, Foreground::Gone, Foreground::Another];

    #[test]
    fn a_group_is_ours_alone_unless_a_script_or_a_pipeline_shares_it() {
        for (leads_session, leads_group, has_pipe, alone) in [
            (true, true, true, true),
            (true, true, false, true),
            (false, true, false, true),
            (false, true, true, false),
            (false, false, false, false),
            (false, false, true, false),
        ] {
            let group = OwnGroup { leads_session, leads_group, has_pipe, is_deaf: false };
            assert_eq!((group.is_ours_alone(), group.gives_foreground()), (alone, alone), "{group:?}");
            assert!(OwnGroup { is_deaf: true, ..group }.gives_foreground());
        }
    }

    fn stopped(job_control: JobControl, signal: Signal) -> [Reaction; 4] {
        GROUPS.map(|foreground| job_control.main_stopped(signal, foreground, false))
    }

    #[test]
    fn each_stop_has_its_answer() {
        use Reaction::{Continue, ContinueInForeground, None, StopToo, TakeForeground};
        for signal in STOPS {
            assert_eq!(stopped(JobControl::None, signal), [None; 4]);
        }
        assert_eq!(stopped(JobControl::Shell, Signal::TSTP), [StopToo; 4]);
        assert_eq!(stopped(JobControl::Nobody, Signal::TSTP), [Continue; 4]);
        for need in [Signal::TTIN, Signal::TTOU] {
            assert_eq!(stopped(JobControl::Shell, need), [ContinueInForeground, StopToo, StopToo, StopToo]);
            assert_eq!(stopped(JobControl::Nobody, need), [ContinueInForeground, None, ContinueInForeground, None]);
        }
        assert_eq!(stopped(JobControl::Shell, Signal::STOP), [None, TakeForeground, None, None]);
        assert_eq!(stopped(JobControl::Nobody, Signal::STOP), [None; 4]);
    }

    #[test]
    fn a_stop_of_its_own_is_followed_only_from_the_foreground_and_to_a_shell() {
        for job_control in [JobControl::None, JobControl::Shell, JobControl::Nobody] {
            for foreground in GROUPS {
                let follows = job_control.main_stopped(Signal::STOP, foreground, true) == Reaction::StopToo;
                assert_eq!(follows, job_control == JobControl::Shell && foreground == Foreground::Mains);
            }
        }
    }

    #[test]
    fn an_interactive_shell_ignores_term_and_tstp_and_leads() {
        let ignored = SignalSet::EMPTY.with(Signal::TERM).with(Signal::TSTP);
        assert!(hangs_up(ignored, true));
        assert!(!hangs_up(ignored, false));
        assert!(!hangs_up(ignored.without(Signal::TERM), true));
        assert!(!hangs_up(ignored.without(Signal::TSTP), true));
    }

    #[test]
    fn a_key_that_ended_main_is_for_those_who_would_have_had_it_too() {
        for signal in [Signal::INT, Signal::QUIT] {
            for foreground in GROUPS {
                assert_eq!(relays(signal, foreground, false), foreground == Foreground::Mains);
                assert!(!relays(signal, foreground, true));
            }
        }
        assert!(!relays(Signal::TERM, Foreground::Mains, false));
    }
}
