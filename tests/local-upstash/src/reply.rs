//! Replies of Redis as the bodies of HTTP.

use base64::{Engine, engine::general_purpose::STANDARD};
use redis::{ServerError, Value};
use serde_json::json;

/// How strings of a reply are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON, with U+FFFD for bytes that are not UTF-8.
    Text,
    /// JSON, with every string in base64.
    Base64,
    /// The bytes of RESP2.
    Resp2,
}

pub(crate) fn error_text(error: &ServerError) -> String {
    match error.details() {
        Some(details) => format!("{} {details}", error.code()),
        None => error.code().to_owned(),
    }
}

/// `{"error":…}`.
pub(crate) fn error(text: &str) -> serde_json::Value {
    json!({ "error": text })
}

/// `{"result":…}`, or `{"error":…}`.
pub(crate) fn item(value: &Value, format: Format) -> serde_json::Value {
    match value {
        Value::ServerError(e) => error(&error_text(e)),
        // The one string that stays as it is; only at the top.
        Value::Okay => json!({ "result": "OK" }),
        Value::BulkString(bytes) if bytes == b"OK" => json!({ "result": "OK" }),
        value => json!({ "result": result(value, format) }),
    }
}

fn result(value: &Value, format: Format) -> serde_json::Value {
    match value {
        Value::Int(number) => json!(number),
        Value::BulkString(bytes) => string(bytes, format),
        Value::SimpleString(text) => string(text.as_bytes(), format),
        Value::Okay => string(b"OK", format),
        Value::Array(values) => values.iter().map(|v| result(v, format)).collect(),
        Value::ServerError(e) => json!(error_text(e)),
        // The other types belong to RESP3.
        _ => serde_json::Value::Null,
    }
}

fn string(bytes: &[u8], format: Format) -> serde_json::Value {
    match format {
        Format::Base64 => json!(STANDARD.encode(bytes)),
        Format::Text | Format::Resp2 => json!(String::from_utf8_lossy(bytes)),
    }
}

/// Writes a reply as Redis sent it.
pub(crate) fn resp2(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Int(number) => out.extend(format!(":{number}\r\n").bytes()),
        Value::BulkString(bytes) => {
            out.extend(format!("${}\r\n", bytes.len()).bytes());
            out.extend(bytes);
            out.extend(b"\r\n");
        }
        Value::SimpleString(text) => out.extend(format!("+{text}\r\n").bytes()),
        Value::Okay => out.extend(b"+OK\r\n"),
        Value::Array(values) => {
            out.extend(format!("*{}\r\n", values.len()).bytes());
            values.iter().for_each(|v| resp2(v, out));
        }
        Value::ServerError(e) => out.extend(format!("-{}\r\n", error_text(e)).bytes()),
        // The other types belong to RESP3.
        _ => out.extend(b"$-1\r\n"),
    }
}
