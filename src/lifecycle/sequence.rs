//! The progress of a `--stop-sequence`. `--kill-after` is one too: the received signal, a time, and KILL.

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

    /// A stop signal has arrived. None: it is forwarded. Some: it starts the sequence or ends its first wait, and is
    /// not forwarded. The signal in the Some, if any, is sent in its place.
    pub(super) fn on_stop_signal(
        &mut self,
        steps: &StopSequence,
        now: Moment,
        signal: Signal,
    ) -> Option<Option<Signal>> {
        let is_first = self.received.is_none() && !steps.is_empty();
        if is_first {
            self.received = Some(signal);
        } else if !self.holds_back() {
            return None;
        }
        // A wait at the beginning starts with the first signal, and ends early with a second one.
        Some(self.advance(steps, now))
    }

    /// Takes the next step, and returns the signal to send. A time counts from when the signal before it was sent, so that no
    /// time is cut short if rinit runs late (a machine that was suspended).
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
