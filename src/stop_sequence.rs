//! `--stop-sequence`: what to send in place of the first stop signal, and when. Plain data.

use crate::duration;
use crate::signal::Signal;
use std::time::Duration;

/// A step of a stop sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait this long.
    Wait(Duration),
    /// Send this signal. KILL is the last step.
    Send(Signal),
    /// Send the signal that started the sequence.
    SendReceived,
}

/// The steps of a stop, checked. Empty: stop signals are forwarded like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopSequence(Vec<Step>);

/// What `parse` accepts, for error messages.
pub const ALLOWED: &str = "signals by name and times, with commas, as in 10s,TERM,20s,KILL; a plain number is a time in \
                           seconds; not two times in a row, no time at the end, nothing after KILL, not STOP or CHLD";

impl StopSequence {
    /// Reads a list such as `10s,TERM,20s,QUIT,2s,KILL`. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<StopSequence, String> {
        let mut steps = Vec::new();
        for part in text.split(',') {
            let wrong = |what| Err(format!("{part:?} {what}"));
            let step = match (duration::parse(part), Signal::parse(part)) {
                (Some(Some(time)), _) => Step::Wait(time),
                (Some(None), _) => return wrong("has no end"),
                (None, Some(Signal::STOP | Signal::CHLD)) => return wrong("asks no process to exit"),
                (None, Some(signal)) => Step::Send(signal),
                (None, None) => return wrong("is neither a signal nor a time"),
            };
            match (steps.last(), step) {
                (Some(Step::Send(Signal::KILL)), _) => return wrong("comes after KILL"),
                (Some(Step::Wait(_)), Step::Wait(_)) => return wrong("is the second time in a row"),
                _ => steps.push(step),
            }
        }
        if let Some(Step::Wait(_)) = steps.last() {
            return Err("nothing follows the last time".to_owned());
        }
        Ok(StopSequence(steps))
    }

    /// The sequence for `--kill-after`: the signal itself, and KILL this long after it.
    pub fn kill_after(limit: Duration) -> StopSequence {
        StopSequence(vec![Step::SendReceived, Step::Wait(limit), Step::Send(Signal::KILL)])
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Step number `index`, counted from 0.
    pub fn step(&self, index: usize) -> Option<Step> {
        self.0.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Send, Wait};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_list_has_signals_and_times() {
        let quit = Signal::parse("QUIT").unwrap();
        let steps = vec![
            Wait(10 * SECOND),
            Send(Signal::TERM),
            Wait(20 * SECOND),
            Send(quit),
            Wait(SECOND / 2),
            Send(Signal::KILL),
        ];
        assert_eq!(StopSequence::parse("10s,TERM,20,SIGQUIT,500ms,kill"), Ok(StopSequence(steps)));
        assert_eq!(StopSequence::parse("KILL"), Ok(StopSequence(vec![Send(Signal::KILL)])));
        let real_time = Signal::parse("RTMIN+3").unwrap();
        assert_eq!(StopSequence::parse("RTMIN+3,INT"), Ok(StopSequence(vec![Send(real_time), Send(Signal::INT)])));
    }

    #[test]
    fn errors_name_the_wrong_part() {
        for (list, wrong) in [
            ("", "\"\" is neither a signal nor a time"),
            ("TERM,", "\"\" is neither a signal nor a time"),
            (",TERM", "\"\" is neither a signal nor a time"),
            ("TERM, 5s", "\" 5s\" is neither a signal nor a time"),
            ("TERM,5x,KILL", "\"5x\" is neither a signal nor a time"),
            ("TERM;5s", "\"TERM;5s\" is neither a signal nor a time"),
            ("0x9", "\"0x9\" is neither a signal nor a time"),
            ("5s,10s,TERM", "\"10s\" is the second time in a row"),
            ("5s", "nothing follows the last time"),
            ("TERM,5s", "nothing follows the last time"),
            ("TERM,15", "nothing follows the last time"),
            ("KILL,5s", "\"5s\" comes after KILL"),
            ("TERM,KILL,QUIT", "\"QUIT\" comes after KILL"),
            ("TERM,inf,KILL", "\"inf\" has no end"),
            ("STOP", "\"STOP\" asks no process to exit"),
            ("TERM,1s,sigchld", "\"sigchld\" asks no process to exit"),
        ] {
            assert_eq!(StopSequence::parse(list), Err(wrong.to_owned()), "{list:?}");
        }
    }
}
