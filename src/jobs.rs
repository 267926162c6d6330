//! Terminals and jobs: Ctrl-C, Ctrl-Z, `fg`, `bg`, scripts and pipelines work as they do without rinit. All rules are
//! in this file, in the order in which they apply. They are pure functions; `terminal` makes the system calls.
//!
//! Main leads a process group of its own: a signal for main's group must not reach the other processes of a script or a
//! pipeline, which are in rinit's group. But a terminal has one foreground group. Only that group may read the
//! terminal, and only that group gets the signals of Ctrl-C, Ctrl-\ and Ctrl-Z. A shell knows rinit's group alone, and
//! makes that one the foreground group.

use crate::signal::{Signal, SignalSet};
use std::time::Duration;

pub mod terminal;

/// Who can continue main after one of the terminal's stop signals (TSTP, TTIN, TTOU).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobControl {
    /// There is no terminal. A stop of main has no consequences.
    None,
    /// The shell that started rinit.
    Shell,
    /// No process: rinit's process group is orphaned. Without rinit, the kernel would discard these signals for main.
    Orphaned,
}

/// Which process group has the terminal's foreground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreground {
    /// rinit's.
    Ours,
    /// The group that main leads.
    Mains,
    /// A group without any process left.
    Gone,
    /// Any other group, such as that of a shell that has put rinit into the background.
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
    /// Whether rinit ignores or blocks TTIN, and so does main, which inherits that.
    pub ignores_ttin: bool,
}

impl OwnGroup {
    /// Whether main's group gets the foreground at the start. It does if rinit's group has it, and
    ///
    /// - rinit's group holds no other process,
    /// - or TTIN is ignored, as in bash's `$(…)`: a read in the background would not stop main, but fail with EIO.
    ///
    /// In a script or a pipeline (`rinit … | less`) the other processes of the group need the keys' signals, and
    /// perhaps the input. There rinit's group keeps the foreground until main needs it, and rinit forwards the keys'
    /// signals to main.
    pub fn gives_foreground(self) -> bool {
        self.is_ours_alone() || self.ignores_ttin
    }

    /// Whether rinit's group holds no other process that could need the terminal.
    ///
    /// - If rinit leads its session, `docker run -t`, a terminal emulator or sshd has started it, and not a shell.
    /// - Otherwise a shell with job control makes a group for each job, and rinit leads the group if it is the job's
    ///   first process. If the job is a pipeline, one of the standard streams is a pipe.
    pub fn is_ours_alone(self) -> bool {
        self.leads_session || self.leads_group && !self.has_pipe
    }
}

/// What rinit does when main has been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing.
    None,
    /// Main's group is continued.
    Continue,
    /// Main's group gets the foreground and is continued.
    ContinueInForeground,
    /// rinit's group gets the foreground.
    TakeForeground,
    /// rinit stops its own group by the same signal; by STOP itself alone.
    StopToo,
}

impl JobControl {
    /// Main has been stopped by `signal`. `handles_ctrl_z`: main handles, blocks or ignores TSTP.
    ///
    /// - TTIN and TTOU mean that main needs the foreground. If rinit's group has it, main's group gets it: in a script
    ///   or a pipeline it did not get it at the start, and bash sends no signal when `fg` brings a running job to the
    ///   foreground.
    /// - If another group has it, the job is in the background, and rinit stops too. `fg` continues it.
    /// - If the foreground group is gone and no shell can help, main's group gets the foreground. (In an orphaned
    ///   group, as main would be in without rinit, its read would fail with EIO.)
    /// - TSTP comes from Ctrl-Z, or main has sent it to itself. rinit stops its group, the script around it included,
    ///   so that the shell sees a stopped job.
    /// - If no shell can continue main, rinit continues it after TSTP.
    /// - STOP concerns main and its sender alone: if rinit stopped too, it would not see that main is continued. But a
    ///   stopped main cannot handle Ctrl-C, so rinit's group takes the foreground back.
    /// - rinit stops after STOP too if main has the foreground and handles Ctrl-Z: such a program restores the
    ///   terminal's settings, and then stops itself by STOP (signal-hook's `emulate_default_handler` does so).
    pub fn main_stopped(self, signal: Signal, foreground: Foreground, handles_ctrl_z: bool) -> Reaction {
        match (self, signal, foreground) {
            (JobControl::None, ..) => Reaction::None,
            (_, Signal::TTIN | Signal::TTOU, Foreground::Ours) => Reaction::ContinueInForeground,
            (JobControl::Orphaned, Signal::TTIN | Signal::TTOU, Foreground::Gone) => Reaction::ContinueInForeground,
            (JobControl::Shell, Signal::TSTP | Signal::TTIN | Signal::TTOU, _) => Reaction::StopToo,
            (JobControl::Orphaned, Signal::TSTP, _) => Reaction::Continue,
            (JobControl::Shell, Signal::STOP, Foreground::Mains) if handles_ctrl_z => Reaction::StopToo,
            (JobControl::Shell, Signal::STOP, Foreground::Mains) => Reaction::TakeForeground,
            _ => Reaction::None,
        }
    }
}

/// The kernel has sent TTIN or TTOU to rinit's own group: another process of a script or a pipeline needs the
/// foreground.
///
/// - If main's group has got it meanwhile, rinit's group takes it back and is continued. Main gets it again when it
///   needs it.
/// - If another group has it, the whole job is in the background, and rinit forwards the signal to main.
pub fn own_group_needs_foreground(foreground: Foreground) -> bool {
    matches!(foreground, Foreground::Ours | Foreground::Mains)
}

/// A signal from another process of rinit's own group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The signal.
    pub signal: Signal,
    /// The sender's PID.
    pub sender: i32,
    /// How often the sender had gone to sleep before it sent the signal.
    pub sleeps: u64,
    /// When rinit received it, counted from any fixed point.
    pub at: Duration,
}

impl Sent {
    /// Whether this signal and the one before it are one request, which main gets once.
    ///
    /// timeout(1) sends its signal to the process that it started, which is rinit, and directly after that to its own group,
    /// which rinit belongs to. Without rinit the command usually gets one signal, as the first is still pending when the
    /// second arrives. rinit may have taken the first by then. timeout does not sleep between the two; a process that
    /// waits for an effect of its first signal does.
    pub fn repeats(self, before: Sent) -> bool {
        self.at.saturating_sub(before.at) < AT_ONCE && Sent { at: before.at, ..self } == before
    }
}

/// Signals further apart than this are two requests. So long because the sender may be preempted between the two.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Whether TERM is to be followed by HUP. `ignored` are the signals that main ignores, `leads`: it leads its group or
/// session on a terminal.
///
/// - An interactive shell ignores TERM, so `docker stop` of `docker run -it IMAGE bash` would end in KILL after 10 s.
///   When a terminal is closed, a shell gets HUP: it passes HUP on to its jobs, which can save, and exits.
/// - A shell with job control ignores TSTP too. A program that only inherited "TERM is ignored" gets no HUP.
pub fn hangs_up(ignored: SignalSet, leads: bool) -> bool {
    leads && ignored.contains(Signal::TERM) && ignored.contains(Signal::TSTP)
}

/// In a pipeline, a signal to the whole job (Ctrl-C, `kill %1`) reaches main a moment after the other processes. In
/// `sleep 100 | rinit cat` cat may read the end of its input in this moment and exit with 0, where without rinit the
/// signal would have killed it. So the signal counts as main's death if main has the default action for it: a main that
/// exits all the same was exiting already.
pub fn counts_as_death(signal: Signal, group: OwnGroup) -> bool {
    signal.is_stop() && group.has_pipe && !group.leads_session
}

/// Main has exited, or rinit is about to exit. The foreground returns to rinit's group if main's group has it or the
/// foreground group is gone: otherwise Ctrl-C would reach no process while rinit waits for the remaining processes. Any
/// other group keeps it: the shell has put rinit into the background, or a remaining process uses the terminal.
pub fn foreground_returns(foreground: Foreground) -> bool {
    matches!(foreground, Foreground::Mains | Foreground::Gone)
}

/// Ctrl-C or Ctrl-\ has killed main (rinit did not send that signal). If main's group had the foreground, and rinit's
/// group holds other processes, rinit sends the signal to these: without rinit they would have got it together with main.
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
            let group = OwnGroup { leads_session, leads_group, has_pipe, ignores_ttin: false };
            assert_eq!((group.is_ours_alone(), group.gives_foreground()), (alone, alone), "{group:?}");
            assert!(OwnGroup { ignores_ttin: true, ..group }.gives_foreground());
        }
    }

    fn stopped(job_control: JobControl, signal: Signal) -> [Reaction; 4] {
        GROUPS.map(|foreground| job_control.main_stopped(signal, foreground, false))
    }

    #[test]
    fn each_stop_has_its_reaction() {
        use Reaction::{Continue, ContinueInForeground, None, StopToo, TakeForeground};
        for signal in STOPS {
            assert_eq!(stopped(JobControl::None, signal), [None; 4]);
        }
        assert_eq!(stopped(JobControl::Shell, Signal::TSTP), [StopToo; 4]);
        assert_eq!(stopped(JobControl::Orphaned, Signal::TSTP), [Continue; 4]);
        for need in [Signal::TTIN, Signal::TTOU] {
            assert_eq!(stopped(JobControl::Shell, need), [ContinueInForeground, StopToo, StopToo, StopToo]);
            assert_eq!(stopped(JobControl::Orphaned, need), [ContinueInForeground, None, ContinueInForeground, None]);
        }
        assert_eq!(stopped(JobControl::Shell, Signal::STOP), [None, TakeForeground, None, None]);
        assert_eq!(stopped(JobControl::Orphaned, Signal::STOP), [None; 4]);
    }

    #[test]
    fn rinit_stops_after_a_main_that_stops_itself_only_in_the_foreground_of_a_shell() {
        for job_control in [JobControl::None, JobControl::Shell, JobControl::Orphaned] {
            for foreground in GROUPS {
                let follows = job_control.main_stopped(Signal::STOP, foreground, true) == Reaction::StopToo;
                assert_eq!(follows, job_control == JobControl::Shell && foreground == Foreground::Mains);
            }
        }
    }

    #[test]
    fn the_same_signal_from_a_sender_that_has_not_slept_is_one_request() {
        let sent = Sent { signal: Signal::TERM, sender: 7, sleeps: 3, at: Duration::from_secs(100) };
        assert!(sent.repeats(sent));
        assert!(Sent { at: sent.at + AT_ONCE / 2, ..sent }.repeats(sent));
        for another in [
            Sent { signal: Signal::INT, ..sent },
            Sent { sender: 8, ..sent },
            Sent { sleeps: 4, ..sent },
            Sent { at: sent.at + AT_ONCE, ..sent },
        ] {
            assert!(!another.repeats(sent), "{another:?}");
        }
    }

    #[test]
    fn only_a_stop_signal_in_a_pipeline_counts_as_death() {
        let group = OwnGroup { has_pipe: true, ..OwnGroup::default() };
        assert!(counts_as_death(Signal::INT, group) && counts_as_death(Signal::TERM, group));
        assert!(!counts_as_death(Signal::TSTP, group));
        assert!(!counts_as_death(Signal::INT, OwnGroup { has_pipe: false, ..group }));
        assert!(!counts_as_death(Signal::INT, OwnGroup { leads_session: true, ..group }));
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
    fn a_key_signal_that_killed_main_is_sent_to_rinits_group_too() {
        for signal in [Signal::INT, Signal::QUIT] {
            for foreground in GROUPS {
                assert_eq!(relays(signal, foreground, false), foreground == Foreground::Mains);
                assert!(!relays(signal, foreground, true));
            }
        }
        assert!(!relays(Signal::TERM, Foreground::Mains, false));
    }
}
