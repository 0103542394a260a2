//! What a server says before it serves: that it refuses us, and why, or that it is a node of a cluster.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue as _, ProtocolVersion, RedisError,
    RedisResult, ServerError, Value, aio::ConnectionManager,
};

use crate::store::{Error, ErrorKind as Kind, remote};

/// Why a server is none for us.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    Handshake(RedisError),
    Cluster,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Handshake(error) => match ServerError::try_from(error) {
                Ok(reply) => refusal(&reply).into(),
                Err(error) => failure(&error),
            },
            Refused::Cluster => Self::new(
                Kind::Unsupported,
                "the server is a node of a cluster, where several keys cannot be changed all or nothing",
            ),
        }
    }
}

/// Asks a server what it is. The inner error says nothing about that.
pub(super) async fn greet(manager: &mut ConnectionManager) -> Result<RedisResult<()>, Refused> {
    let mut info = redis::cmd("INFO");
    info.arg("cluster");
    let answer = manager.send_packed_command(&info).await;
    match answer.and_then(Value::extract_error) {
        Ok(value) => {
            let text = String::from_redis_value(value).unwrap_or_default();
            match text.contains("cluster_enabled:1") {
                true => Err(Refused::Cluster),
                false => Ok(Ok(())),
            }
        }
        Err(error) if error.is_io_error() => Ok(Err(error)),
        // A server, or a user of it, need not have the command: then it has let us in.
        Err(error) if is_lack(&error) => Ok(Ok(())),
        Err(error) => Err(Refused::Handshake(error)),
    }
}

fn is_lack(error: &RedisError) -> bool {
    let lacks = ["unknown command", "Command is not available"];
    let detail = error.detail().unwrap_or_default();
    error.code() == Some("NOPERM") || lacks.iter().any(|text| detail.contains(text))
}

/// Returns whether an error comes from setting up a connection, which redis-rs then remembers for all later calls; the
/// socket's own errors it tries again after.
pub(super) fn is_refused(error: &RedisError) -> bool {
    let is_reply = ServerError::try_from(error.clone()).is_ok();
    let at_the_door = matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "LOADING"));
    at_the_door || !(is_reply || error.is_io_error())
}

/// Returns what the server said where redis-rs tells only that it refused the password: a server that is loading or full
/// refuses everything. Asks once more, by `HELLO`, whose error redis-rs keeps.
pub(super) async fn explained(error: RedisError, client: &Client, limit: Duration) -> RedisError {
    if error.kind() != ErrorKind::AuthenticationFailed {
        return error;
    }
    let info = client.get_connection_info().clone();
    let settings = info.redis_settings().clone();
    let info = info.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3));
    let Ok(client) = Client::open(info) else {
        return error;
    };
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(limit));
    match client
        .get_multiplexed_async_connection_with_config(&config)
        .await
    {
        Err(said) if !is_about_credentials(&said) => said,
        _ => error,
    }
}

fn is_about_credentials(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
        || detail.contains("invalid password")
        || detail.contains("without any password configured")
        || matches!(
            error.kind(),
            ErrorKind::AuthenticationFailed | ErrorKind::RESP3NotSupported
        )
}

/// Puts an error reply together again, as the server sent it.
pub(super) fn refusal(error: &ServerError) -> remote::Refusal {
    let details = error.details().unwrap_or_default();
    remote::Refusal::new(format!("{} {details}", error.code()))
}

/// Returns what a failure that is no reply means. Errors of the socket show addresses at most; other texts are not shown.
pub(super) fn failure(error: &RedisError) -> Error {
    let (kind, message) = match error.kind() {
        ErrorKind::Io if error.is_timeout() => (Kind::Timeout, "no answer within the time limit"),
        ErrorKind::AuthenticationFailed => (
            Kind::Unauthorized,
            "the server refused the user or the password",
        ),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            (Kind::Unavailable, "the server does not speak Redis")
        }
        ErrorKind::RESP3NotSupported => (
            Kind::Unsupported,
            "the server does not speak RESP3, which the URL demands",
        ),
        ErrorKind::InvalidClientConfig => (Kind::Invalid, "the connection is set up wrongly"),
        // Replies to calls do not come here.
        ErrorKind::Server(_) => (
            Kind::Unavailable,
            "the server refused the handshake; is the number of the database right?",
        ),
        _ => (Kind::Unavailable, "the connection failed"),
    };
    let failure = Error::new(kind, message);
    if error.is_io_error() {
        failure.with_source(error.clone())
    } else {
        failure
    }
}
