//! How tokens travel: which fields of requests are looked at, and nothing else of them. URLs never carry any.

use std::{
    fmt,
    ops::ControlFlow,
    sync::{Arc, OnceLock},
};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, SET_COOKIE},
};
use smallvec::SmallVec;

use super::{SessionCookie, cookie::Prepared, token::Token};

/// How a token travels between client and server: in a cookie, or in header fields.
///
/// A layer may have several, in an order of preference: the first one that brings a well-formed token is the one that the
/// request is about, and the response answers by the same. The others are not looked at then. Tokens are never read from
/// URLs, which end up in logs and in `Referer`.
///
/// ```
/// use tower_upstash::session::{SessionCookie, Transport};
///
/// // Programs send a header field, browsers a cookie.
/// let transports = [
///     Transport::bearer(),
///     Transport::cookie(SessionCookie::host("id")),
/// ];
/// ```
///
/// `Debug` shows names.
#[derive(Clone)]
pub struct Transport(Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Cookie(Arc<Prepared>),
    Bearer,
    Header(HeaderName),
}

/// The tokens of a request, well-formed and each once.
#[derive(Clone, Default)]
pub(super) struct Presented {
    /// The first one that may be one. Most requests have no other, and many do not look at it.
    first: Option<[u8; Token::TEXT]>,
    tokens: OnceLock<Tokens>,
    /// Which of the transports brought them. Without tokens, the first one that brought what is surely ours, else the first
    /// one.
    pub(super) transport: usize,
    /// Whether the client sent anything in the place of a token, well-formed or not.
    pub(super) any: bool,
}

type Tokens = SmallVec<[Token; 1]>;

/// Reads the tokens of a request: the first transport that brings any.
///
/// What is malformed does not keep the next transport from being asked: `Authorization: Bearer` may be somebody else's.
#[inline]
pub(super) fn presented(transports: &[Transport], headers: &HeaderMap) -> Presented {
    if let [transport] = transports {
        return transport.read(headers);
    }
    first_of(transports, headers)
}

fn first_of(transports: &[Transport], headers: &HeaderMap) -> Presented {
    let mut fallback = Presented::default();
    for (at, transport) in transports.iter().enumerate() {
        let mut presented = transport.read(headers);
        presented.transport = at;
        if !presented.tokens().is_empty() {
            return presented;
        }
        // What is malformed there may be a program's own, in a browser that is to have a cookie.
        let is_ours = !matches!(transport.0, Kind::Bearer);
        if presented.any && is_ours && !fallback.any {
            fallback = presented;
        }
    }
    fallback
}

impl Transport {
    /// The response field that tells a client its new token: see [`bearer`](Self::bearer).
    pub(super) const TOLD: HeaderName = HeaderName::from_static("session-token");

    /// A cookie: for browsers.
    ///
    /// All `Cookie` lines are searched, since HTTP/2 may send one for each cookie. Of several cookies of the name, which
    /// another host of the domain may have set, each is tried that is well-formed, up to four. Names are compared as they
    /// are; a value in quotes or with percent signs is not one of ours.
    #[must_use]
    pub fn cookie(cookie: SessionCookie) -> Self {
        Self(Kind::Cookie(Arc::new(cookie.prepare())))
    }

    /// `Authorization: Bearer <token>` ([RFC 6750, section
    /// 2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)): for programs. The scheme may be spelled in any case.
    ///
    /// A new token is told in the field `session-token` of the response, which is empty where the session has ended. The
    /// client has to keep it, and send it with its next requests. Scripts of other origins see the field only if
    /// `Access-Control-Expose-Headers` names it.
    ///
    /// # Security
    /// Scripts of the page can read the token, which a cookie keeps from them: prefer cookies for browsers.
    #[must_use]
    pub const fn bearer() -> Self {
        Self(Kind::Bearer)
    }

    /// A header field, in requests and responses alike. For gRPC it is metadata.
    ///
    /// A new token is told in the field of that name of the response, which is empty where the session has ended.
    ///
    /// ```
    /// use tonic::{Request, Response, metadata::{Ascii, MetadataValue}};
    /// use tower_upstash::session::Transport;
    ///
    /// const TOKEN: &str = "x-session";
    ///
    /// // The server's layer has it from the metadata of calls.
    /// let transport = Transport::header(TOKEN);
    ///
    /// /// A client keeps what the server tells it …
    /// fn keep<T>(response: &Response<T>, token: &mut Option<MetadataValue<Ascii>>) {
    ///     if let Some(told) = response.metadata().get(TOKEN) {
    ///         *token = (!told.is_empty()).then(|| told.clone());
    ///     }
    /// }
    ///
    /// /// … and sends it with the next call.
    /// fn send<T>(mut request: Request<T>, token: Option<&MetadataValue<Ascii>>) -> Request<T> {
    ///     if let Some(token) = token {
    ///         request.metadata_mut().insert(TOKEN, token.clone());
    ///     }
    ///     request
    /// }
    /// # let mut response = Response::new(());
    /// # response.metadata_mut().insert(TOKEN, "abc".parse().unwrap());
    /// # let mut token = None;
    /// # keep(&response, &mut token);
    /// # assert_eq!(send(Request::new(()), token.as_ref()).metadata().get(TOKEN).unwrap(), "abc");
    /// # response.metadata_mut().insert(TOKEN, "".parse().unwrap());
    /// # keep(&response, &mut token);
    /// # assert!(token.is_none());
    /// ```
    ///
    /// # Panics
    /// If this is no name of a field; if it is `authorization`, `cookie` or `set-cookie`, which have transports of their
    /// own; if it ends in `-bin`, since gRPC encodes such metadata.
    ///
    /// # Security
    /// As with [`bearer`](Self::bearer).
    #[must_use]
    pub fn header(name: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the name of a field");
        let is_other = [AUTHORIZATION, COOKIE, SET_COOKIE].contains(&name);
        assert!(!is_other, "this field has a transport of its own");
        let is_binary = name.as_str().ends_with("-bin");
        assert!(!is_binary, "gRPC encodes metadata of this name");
        Self(Kind::Header(name))
    }

    /// Returns whether browsers send it by themselves.
    pub(super) const fn is_cookie(&self) -> bool {
        matches!(self.0, Kind::Cookie(_))
    }

    /// Returns the name of a cookie that goes over plain HTTP, which is to be said aloud.
    pub(super) fn insecure(&self) -> Option<&str> {
        match &self.0 {
            Kind::Cookie(cookie) if !cookie.is_secure() => Some(cookie.name()),
            _ => None,
        }
    }

    pub(super) const fn kind(&self) -> &Kind {
        &self.0
    }

    #[inline]
    fn read(&self, headers: &HeaderMap) -> Presented {
        let mut presented = Presented::default();
        match &self.0 {
            Kind::Cookie(cookie) => {
                let lines = headers.get_all(COOKIE).into_iter();
                presented.take(lines, b';', |pair| cookie.value_of(pair));
            }
            Kind::Bearer => {
                let lines = headers.get_all(AUTHORIZATION).into_iter();
                let mut credentials = lines.filter_map(|line| credentials(line.as_bytes()));
                let _ = credentials.try_for_each(|value| presented.add(value));
            }
            // Whoever forwards a request may have joined lines by commas.
            Kind::Header(name) => {
                let lines = headers.get_all(name).into_iter();
                presented.take(lines, b',', |value| Some(value.trim_ascii()));
            }
        }
        presented
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Cookie(cookie) => f.debug_tuple("Cookie").field(&cookie.name()).finish(),
            Kind::Bearer => f.write_str("Bearer"),
            Kind::Header(name) => f.debug_tuple("Header").field(&name.as_str()).finish(),
        }
    }
}

impl Presented {
    /// No user has more cookies of one name; whoever sends more would have each of them looked up.
    const MOST: usize = 4;

    /// Takes what lines have between separators. By loops: for most requests, there is nothing to take.
    #[inline]
    fn take<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a HeaderValue>,
        separator: u8,
        value: impl Fn(&'a [u8]) -> Option<&'a [u8]>,
    ) {
        for line in lines {
            let mut rest = Some(line.as_bytes());
            while let Some(line) = rest {
                let end = find(line, separator);
                rest = end.and_then(|end| line.get(end + 1..));
                let part = line.get(..end.unwrap_or(line.len()));
                let value = part.and_then(&value);
                if value.is_some_and(|value| self.add(value).is_break()) {
                    return;
                }
            }
        }
    }

    /// Returns the tokens, at most four, in their order.
    pub(super) fn tokens(&self) -> &[Token] {
        self.tokens.get_or_init(|| self.parse_first())
    }

    fn parse_first(&self) -> Tokens {
        let token = self.first.as_ref().and_then(|text| Token::parse(text));
        token.map_or_else(Tokens::new, |token| Tokens::from_buf([token]))
    }

    /// Takes a token, if it is one, until there are enough. The first one is kept as it is.
    fn add(&mut self, value: &[u8]) -> ControlFlow<()> {
        self.any = true;
        let Ok(text) = value.try_into() else {
            return ControlFlow::Continue(());
        };
        if self.first.is_none() {
            self.first = Some(text);
            return ControlFlow::Continue(());
        }
        self.add_another(&text)
    }

    #[cold]
    fn add_another(&mut self, text: &[u8; Token::TEXT]) -> ControlFlow<()> {
        let tokens = self.tokens.take();
        let mut tokens = tokens.unwrap_or_else(|| self.parse_first());
        tokens.extend(Token::parse(text).filter(|token| !tokens.contains(token)));
        let is_full = tokens.len() >= Self::MOST;
        self.tokens = OnceLock::from(tokens);
        if is_full {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Returns where a byte is first. By the word: cookies are long.
#[inline]
fn find(line: &[u8], byte: u8) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let wanted = u64::from_ne_bytes([byte; 8]);
    let (words, tail) = line.as_chunks();
    for (at, word) in words.iter().enumerate() {
        let others = u64::from_le_bytes(*word) ^ wanted;
        // The lowest bit that is left is that of the first byte that is zero.
        let zeros = others.wrapping_sub(LOW) & !others & HIGH;
        if zeros != 0 {
            return Some(at * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|other| *other == byte)?;
    Some(words.len() * 8 + at)
}

/// Returns what follows the scheme.
fn credentials(line: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let (scheme, token) = line.split_at_checked(SCHEME.len())?;
    scheme
        .eq_ignore_ascii_case(SCHEME)
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
