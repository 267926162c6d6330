//! How far a stop by plan has come: `--stop-sequence`, and `--kill-after`, which is the sequence of the received signal, a
//! time and KILL.

use crate::duration::Moment;
use crate::signal::Signal;
use crate::stop_sequence::{Step, StopSequence};

/// The state. The steps themselves are in the options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The signal that started it.
    received: Option<Signal>,
    /// The step that comes next.
    next: usize,
    /// When it is due.
    due: Option<Moment>,
    /// Whether a signal was sent.
    has_sent: bool,
}

impl Progress {
    /// When `advance` is to be called.
    pub(super) fn due(&self) -> Option<Moment> {
        self.due
    }

    /// Whether it has started and has sent nothing yet.
    pub(super) fn holds_back(&self) -> bool {
        self.received.is_some() && !self.has_sent
    }

    /// Takes a stop signal. Some: the sequence has it, and sends the inner signal now; None: it is forwarded as it is.
    pub(super) fn take(&mut self, steps: &StopSequence, now: Moment, signal: Signal) -> Option<Option<Signal>> {
        let is_first = self.received.is_none() && !steps.is_empty();
        if is_first {
            self.received = Some(signal);
        } else if !self.holds_back() {
            return None;
        }
        let sent = self.advance(steps, now);
        // It begins with a time: that starts to run with the first signal, and a second one ends it.
        Some(sent)
    }

    /// Takes the next step: the signal that is to be sent. The times count from when it was sent, so that a machine that
    /// was suspended, or a rinit that got no CPU, cuts none of them short.
    pub(super) fn advance(&mut self, steps: &StopSequence, now: Moment) -> Option<Signal> {
        let signal = match steps.step(self.next) {
            Some(Step::Send(signal)) => Some(signal),
            Some(Step::SendReceived) => self.received,
            Some(Step::Wait(_)) | None => None,
        };
        if signal.is_some() {
            self.next += 1;
            self.has_sent = true;
        }
        self.due = match steps.step(self.next) {
            Some(Step::Wait(time)) => {
                self.next += 1;
                Some(now.saturating_add(time))
            }
            Some(Step::Send(_) | Step::SendReceived) => Some(now),
            None => None,
        };
        signal
    }
}
