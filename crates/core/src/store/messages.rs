//! What a store has to tell its handles, each in its own thread.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::value::{Cause, EventKind, Value};

/// Values that events of other threads keep alive while they wait for one handle.
const MOST_WAITING_BYTES: u64 = 16 << 20;

/// Events of other threads that wait for one handle.
const MOST_WAITING: usize = 100_000;

/// What an event is about.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Why, where it was evicted.
    pub cause: Cause,
    /// To whom.
    pub key: Arc<str>,
    /// The value; none where too many bytes wait already.
    pub value: Option<Arc<Value>>,
}

/// Why a load failed, in a form that goes from thread to thread.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The code of the error.
    pub code: String,
    /// Its message.
    pub message: String,
    /// The name of what caused it.
    pub cause_name: String,
    /// The message of what caused it.
    pub cause_message: String,
    /// The code of what caused it, where it had one.
    pub cause_code: Option<String>,
    /// Whether a bulk loader left the URI out.
    pub absent: bool,
}

/// How a load of another thread has ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With a value, whether or not it was stored.
    Value(Arc<Value>),
    /// With an error.
    Failure(Arc<Failure>),
    /// Its thread has gone, or its callers have.
    Orphaned,
}

/// One message.
#[derive(Debug, Clone)]
pub enum Message {
    /// Something happened to an entry.
    Event(Event),
    /// A load that this handle waits for has ended.
    Landed {
        /// The load.
        flight: u64,
        /// How.
        outcome: Outcome,
    },
}

/// What waits for one handle, in order.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    messages: VecDeque<Message>,
    /// Bytes of values from other threads that wait.
    foreign_bytes: u64,
    foreign: usize,
    /// Values and events that found no room.
    pub(super) overflowed: u64,
}

impl Mailbox {
    /// `own`: the handle itself caused it, and takes it before its call returns.
    pub(super) fn tell(&mut self, mut event: Event, own: bool) {
        if !own {
            if self.foreign >= MOST_WAITING {
                self.overflowed += 1;
                return;
            }
            self.foreign += 1;
            if let Some(value) = &event.value {
                let bytes = value.bytes.len() as u64;
                if self.foreign_bytes + bytes > MOST_WAITING_BYTES {
                    self.overflowed += 1;
                    event.value = None;
                } else {
                    self.foreign_bytes += bytes;
                }
            }
        }
        self.messages.push_back(Message::Event(event));
    }

    pub(super) fn land(&mut self, flight: u64, outcome: Outcome) {
        self.messages.push_back(Message::Landed { flight, outcome });
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn take(&mut self) -> Vec<Message> {
        self.foreign_bytes = 0;
        self.foreign = 0;
        std::mem::take(&mut self.messages).into()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::{Event, MOST_WAITING, Mailbox, Message};
    use crate::value::{Cause, EventKind, Value};

    fn event(bytes: usize) -> Event {
        Event {
            kind: EventKind::Evicted,
            cause: Cause::Size,
            key: "mem://a".into(),
            value: Some(Arc::new(Value {
                kind: 0,
                bytes: vec![0; bytes].into(),
            })),
        }
    }

    fn values(mailbox: &mut Mailbox) -> usize {
        let has_value =
            |message: &Message| matches!(message, Message::Event(event) if event.value.is_some());
        mailbox
            .take()
            .iter()
            .filter(|message| has_value(message))
            .count()
    }

    mod req_hazard_17_queue {
        use super::*;

        #[test]
        fn values_of_other_threads_are_bounded_in_bytes_and_what_overflows_is_counted() {
            let mut mailbox = Mailbox::default();
            for _ in 0..40 {
                mailbox.tell(event(1 << 20), false);
            }
            assert_eq!(mailbox.len(), 40, "no event is lost");
            assert_eq!(mailbox.overflowed, 24);
            assert_eq!(values(&mut mailbox), 16);
            mailbox.tell(event(1 << 20), false);
            assert_eq!(values(&mut mailbox), 1, "there is room again");
        }

        #[test]
        fn a_thread_that_never_listens_again_is_not_flooded() {
            let mut mailbox = Mailbox::default();
            for _ in 0..MOST_WAITING + 5 {
                mailbox.tell(event(0), false);
            }
            assert_eq!(mailbox.len(), MOST_WAITING);
            assert_eq!(mailbox.overflowed, 5);
        }

        #[test]
        fn what_a_handle_causes_itself_is_never_cut() {
            let mut mailbox = Mailbox::default();
            for _ in 0..40 {
                mailbox.tell(event(1 << 20), true);
            }
            assert_eq!((values(&mut mailbox), mailbox.overflowed), (40, 0));
        }
    }
}
