//! What a store tells its handles: events, the ends of loads, faults.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::contents::Contents;
use super::handles::Wake;
use super::messages::{Event, Outcome};
use super::near::word as near_word;
use super::words::word;
use crate::error::Error;
use crate::value::{Cause, EventKind, Value};

impl Contents {
    /// Whose threads have messages of others waiting.
    pub(super) fn take_wakes(&mut self) -> Vec<Arc<dyn Wake>> {
        if !std::mem::take(&mut self.has_wakes) {
            return Vec::new();
        }
        self.handles
            .iter_mut()
            .filter_map(|handle| {
                let is_meant = std::mem::take(&mut handle.to_wake);
                handle.waker.clone().filter(|_| is_meant)
            })
            .collect()
    }

    /// Keeps what went wrong for whoever asks next.
    pub(super) fn note_fault(&mut self, panic: Option<Error>) {
        let Some(fault) = self.order.fault.take().or(panic) else {
            return;
        };
        self.fault.get_or_insert(fault);
        self.show_fault(1);
    }

    pub(super) fn take_fault(&mut self) -> Option<Error> {
        self.show_fault(0);
        self.fault.take()
    }

    fn show_fault(&self, shown: i32) {
        for handle in self.handles.iter() {
            handle.block.answer(near_word::FAULT, shown);
        }
    }

    /// Tells every handle that listens; the actor's own call takes it before it returns.
    pub(super) fn tell(
        &mut self,
        kind: EventKind,
        cause: Cause,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
    ) {
        self.tell_all(kind, cause, key, value, actor, true);
    }

    /// As [`Contents::tell`] of what the actor tells itself.
    pub(super) fn tell_others(
        &mut self,
        kind: EventKind,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
    ) {
        self.tell_all(kind, Cause::None, key, value, actor, false);
    }

    fn tell_all(
        &mut self,
        kind: EventKind,
        cause: Cause,
        key: &Arc<str>,
        value: &Arc<Value>,
        actor: u32,
        actor_too: bool,
    ) {
        for number in self.handles.numbers() {
            let is_own = number == actor;
            let Some(handle) = self.handles.get_mut(number) else {
                continue;
            };
            if handle.heard & kind as u8 == 0 || is_own && !actor_too {
                continue;
            }
            let event = Event {
                kind,
                cause,
                key: Arc::clone(key),
                value: Some(Arc::clone(value)),
            };
            handle.mailbox.tell(event, is_own);
            handle.count_messages();
            if !is_own {
                handle.to_wake = true;
                self.has_wakes = true;
            }
        }
    }

    /// Tells a handle how a load has ended that it waits for.
    pub(super) fn land(&mut self, follower: u32, flight: u64, outcome: Outcome) {
        if let Some(handle) = self.handles.get_mut(follower) {
            handle.mailbox.land(flight, outcome);
            handle.count_messages();
            handle.to_wake = true;
            self.has_wakes = true;
        }
    }

    /// A handle listens to other events from here on, as bits of `EventKind`.
    pub(super) fn listen(&mut self, actor: u32, heard: u8) {
        let Some(handle) = self.handles.get_mut(actor) else {
            return;
        };
        handle.heard = heard;
        let accessed = EventKind::Accessed as u8;
        let listeners = self
            .handles
            .iter()
            .filter(|handle| handle.heard & accessed != 0);
        let listeners = i32::try_from(listeners.count()).unwrap_or(i32::MAX);
        let word = self.words.word(word::ACCESS_LISTENERS);
        if word.swap(listeners, Ordering::SeqCst) != listeners {
            // From here on every hit has to come by, or none has: near maps ask anew.
            self.words.bump_all();
        }
    }

    /// Whether handles other than `actor` listen to accesses.
    pub(super) fn is_watched_by_others(&self, actor: u32) -> bool {
        let accessed = EventKind::Accessed as u8;
        self.handles.numbers().any(|number| {
            let heard = self.handles.get(number).map_or(0, |handle| handle.heard);
            number != actor && heard & accessed != 0
        })
    }
}
