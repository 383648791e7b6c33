//! Values on their way to JS.

use std::sync::Arc;

use granary_core::value::Value;
use napi::bindgen_prelude::{BufferSlice, ToNapiValue, TypeName};
use napi::{Env, Result, ValueType, sys};

/// The kinds whose bytes are text in UTF-8; `src/cache/value-codec.ts` has the same numbers.
const TEXT: u8 = 0;
const JSON: u8 = 4;

/// Becomes a string where it is text, else a copy of its bytes.
pub struct Outgoing(pub(crate) Arc<Value>);

impl ToNapiValue for Outgoing {
    unsafe fn to_napi_value(env: sys::napi_env, Self(value): Self) -> Result<sys::napi_value> {
        let bytes = &*value.bytes;
        let node = Env::from_raw(env);
        if value.kind != TEXT && value.kind != JSON {
            let copy = BufferSlice::copy_from(&node, bytes)?;
            // SAFETY: `env` is the environment that this call was made in.
            return unsafe { BufferSlice::to_napi_value(env, copy) };
        }
        let mut text = std::ptr::null_mut();
        let length = bytes.len().cast_signed();
        let start = bytes.as_ptr().cast();
        // SAFETY: the bytes live through the call, which copies them. Those that are ASCII are Latin-1
        // too, which V8 copies without decoding.
        let status = unsafe {
            if bytes.is_ascii() {
                sys::napi_create_string_latin1(env, start, length, &raw mut text)
            } else {
                sys::napi_create_string_utf8(env, start, length, &raw mut text)
            }
        };
        if status == sys::Status::napi_ok {
            return Ok(text);
        }
        // More bytes than V8 takes at once, though maybe not more characters: JS decodes them.
        let copy = BufferSlice::copy_from(&node, bytes)?;
        // SAFETY: as above.
        unsafe { BufferSlice::to_napi_value(env, copy) }
    }
}

impl TypeName for Outgoing {
    fn type_name() -> &'static str {
        "string | Uint8Array"
    }

    fn value_type() -> ValueType {
        ValueType::Unknown
    }
}
