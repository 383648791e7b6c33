//! What a store tells its handles, as JS reads it.

use granary_core::store::{Event, Failure, Message, Outcome};
use napi_derive::napi;

use crate::outgoing::Outgoing;
use crate::store::to_number;

/// Why a load failed, from thread to thread.
#[napi(object)]
pub struct StoreFailure {
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

/// Something to tell: an event, or how a load of another thread has ended.
#[napi(object, object_from_js = false)]
pub struct StoreMessage {
    /// The bit of the event; 0 for a load.
    pub event: u8,
    /// Why it was evicted: 1 size, 2 too large, 3 resize.
    pub cause: u8,
    /// Whose event it is.
    pub key: Option<String>,
    /// The kind of the value.
    pub kind: u8,
    /// The value, where there is one.
    #[napi(ts_type = "string | Uint8Array")]
    pub data: Option<Outgoing>,
    /// The number of the load.
    pub flight: f64,
    /// Why it failed; without value and failure, nobody runs it any more.
    pub failure: Option<StoreFailure>,
}

pub(crate) fn to_message(message: Message) -> StoreMessage {
    let mut told = StoreMessage {
        event: 0,
        cause: 0,
        key: None,
        kind: 0,
        data: None,
        flight: 0.0,
        failure: None,
    };
    let value = match message {
        Message::Event(Event {
            kind,
            cause,
            key,
            value,
        }) => {
            told.event = kind as u8;
            told.cause = cause as u8;
            told.key = Some(key.to_string());
            value
        }
        Message::Landed { flight, outcome } => {
            told.flight = to_number(flight);
            match outcome {
                Outcome::Value(value) => Some(value),
                Outcome::Failure(failure) => {
                    told.failure = Some(to_failure(&failure));
                    None
                }
                Outcome::Orphaned => None,
            }
        }
    };
    if let Some(value) = value {
        told.kind = value.kind;
        told.data = Some(Outgoing(value));
    }
    told
}

fn to_failure(failure: &Failure) -> StoreFailure {
    StoreFailure {
        code: failure.code.clone(),
        message: failure.message.clone(),
        cause_name: failure.cause_name.clone(),
        cause_message: failure.cause_message.clone(),
        cause_code: failure.cause_code.clone(),
        absent: failure.absent,
    }
}
