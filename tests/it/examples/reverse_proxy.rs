//! The proxy of the examples between raw sockets: what it does to messages, with or without a cache inside.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use super::command;

/// A running proxy.
struct Proxy {
    process: Child,
    address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Proxy {
    fn before(upstream: SocketAddr) -> Self {
        let mut process = command("reverse_proxy")
            .args(["--listen", "127.0.0.1:0", "--upstream"])
            .arg(format!("http://{upstream}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built");
        let mut line = String::new();
        let output = process.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap();
        Self {
            address: address.parse().unwrap(),
            process,
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// Sends a request on a connection of its own, and returns all that comes back.
    fn ask(&self, request: &[u8]) -> String {
        let mut client = self.connect();
        client.write_all(request).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        latin1(&answer)
    }
}

/// An origin server that answers each request head by a function, and tells of connections and heads.
struct Origin {
    address: SocketAddr,
    seen: Receiver<Seen>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Connection,
    Head(String),
}

impl Origin {
    /// `answer` writes to the connection, and says whether it is to go on.
    fn start(answer: impl FnMut(&str, &mut TcpStream) -> bool + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, seen) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (tell, answer) = (tell.clone(), answer.clone());
                thread::spawn(move || serve(stream.unwrap(), &tell, answer));
            }
        });
        Self { address, seen }
    }

    /// Answers everything with 200 and these lines of a head, which has no body.
    fn saying(lines: &'static [u8]) -> Self {
        Self::start(move |_, stream| {
            let answer = [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", lines, b"\r\n"];
            stream.write_all(&answer.concat()).unwrap();
            true
        })
    }

    /// Returns the heads that have come so far.
    fn heads(&self) -> Vec<String> {
        let heads = |seen| match seen {
            Seen::Head(head) => Some(head),
            Seen::Connection => None,
        };
        self.seen.try_iter().filter_map(heads).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    tell: &Sender<Seen>,
    mut answer: impl FnMut(&str, &mut TcpStream) -> bool,
) {
    // A test that has ended hears nothing more.
    let _ = tell.send(Seen::Connection);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if !matches!(stream.read(&mut byte), Ok(1)) {
                return;
            }
            head.extend(byte);
        }
        let head = latin1(&head);
        let _ = tell.send(Seen::Head(head.clone()));
        if !answer(&head, &mut stream) {
            return;
        }
    }
}

/// An origin that answers with half of a body, and once it is told to go on, with a second half and the end of the
/// connection.
fn half_an_answer(second: &'static [u8]) -> (Origin, Sender<()>) {
    let (go_on, gone_on) = mpsc::channel();
    let gone_on = Arc::new(Mutex::new(gone_on));
    let origin = Origin::start(move |_, stream| {
        let first = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc";
        stream.write_all(first).unwrap();
        gone_on.lock().unwrap().recv().unwrap();
        stream.write_all(second).unwrap();
        false
    });
    (origin, go_on)
}

/// Each byte as the character of its number.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn read_until(stream: &mut TcpStream, end: &str) {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.extend(byte);
    }
}

#[test]
fn fields_of_one_connection_go_no_further_in_either_direction() {
    let origin = Origin::saying(
        b"Connection: a, keep-alive, X-B\r\nKeep-Alive: timeout=5\r\nA: 1\r\nX-B: 2\r\nC: 3\r\n",
    );
    let proxy = Proxy::before(origin.address);
    let answer = proxy.ask(
        b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close, X-Hop, host\r\nX-Hop: 1\r\nX-End: 2\r\n\
          TE: trailers\r\nUpgrade: x\r\nProxy-Connection: close\r\n\r\n",
    );
    let (answer, heads) = (answer.to_lowercase(), origin.heads());
    assert_eq!(
        heads,
        ["GET / HTTP/1.1\r\nhost: a.example\r\nx-end: 2\r\nvia: 1.1 reverse_proxy\r\n\r\n"]
    );
    for gone in ["\r\na: 1", "x-b", "keep-alive"] {
        assert!(!answer.contains(gone), "{gone} in {answer}");
    }
    assert!(answer.contains("\r\nc: 3"), "{answer}");
}

#[test]
fn odd_methods_statuses_and_bytes_pass_as_they_are() {
    let origin = Origin::start(|_, stream| {
        let answer =
            b"HTTP/1.1 599 Odd Thing\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX: caf\xe9\r\n\
                       Content-Length: 2\r\n\r\nok";
        stream.write_all(answer).unwrap();
        true
    });
    let proxy = Proxy::before(origin.address);
    let answer =
        proxy.ask(b"M-SEARCH /a%2Fb?c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \xfc\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 599 Odd Thing\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nx: caf\u{e9}\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    let [head] = &origin.heads()[..] else {
        panic!("one request is one request");
    };
    assert!(head.starts_with("M-SEARCH /a%2Fb?c HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx: \u{fc}\r\n"), "{head}");
}

#[test]
fn an_absolute_target_becomes_one_in_origin_form_under_its_own_host() {
    let origin = Origin::saying(b"");
    let proxy = Proxy::before(origin.address);
    proxy.ask(b"GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    proxy.ask(b"GET /old HTTP/1.0\r\n\r\n");
    let heads = origin.heads();
    assert!(
        heads[0].starts_with("GET /x HTTP/1.1\r\nhost: b.example\r\n"),
        "{heads:?}"
    );
    let own = format!("GET /old HTTP/1.1\r\nhost: {}\r\n", origin.address);
    assert!(heads[1].starts_with(&own), "{heads:?}");
}

#[test]
fn a_request_is_sent_once_though_a_kept_connection_breaks() {
    let origin = Origin::start(|head, stream| {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        head.starts_with("GET /first") && stream.write_all(answer).is_ok()
    });
    let proxy = Proxy::before(origin.address);
    let first = proxy.ask(b"GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let second = proxy.ask(b"GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(second.starts_with("HTTP/1.1 502"), "{second}");
    assert!(second.contains("without an answer"), "{second}");
    let seen: Vec<_> = origin.seen.try_iter().collect();
    assert!(
        matches!(
            &seen[..],
            [Seen::Connection, Seen::Head(_), Seen::Head(second)] if second.contains("/second")
        ),
        "{seen:?}"
    );
}

#[test]
fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let answer =
        Proxy::before(address).ask(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("cannot connect"), "{answer}");
}

#[test]
fn a_body_that_breaks_off_breaks_off_for_the_client_too() {
    let (origin, go_on) = half_an_answer(b"");
    let proxy = Proxy::before(origin.address);
    let mut client = proxy.connect();
    // Kept alive: only a broken answer closes it.
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    read_until(&mut client, "abc");
    go_on.send(()).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn bodies_stream_both_ways() {
    // The origin answers while it reads: half of each body is through before the other half exists.
    let origin = Origin::start(|_, stream| {
        read_until(stream, "up1");
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).unwrap();
        stream.write_all(b"5\r\ndown1\r\n").unwrap();
        read_until(stream, "up2");
        stream.write_all(b"5\r\ndown2\r\n0\r\n\r\n").unwrap();
        false
    });
    let proxy = Proxy::before(origin.address);
    let mut client = proxy.connect();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
    client.write_all(head).unwrap();
    client.write_all(b"up1").unwrap();
    read_until(&mut client, "down1");
    client.write_all(b"up2").unwrap();
    read_until(&mut client, "down2\r\n0\r\n\r\n");
}

#[cfg(unix)]
#[test]
fn ctrl_c_lets_an_answer_under_way_end() {
    let (origin, go_on) = half_an_answer(b"def");
    let mut proxy = Proxy::before(origin.address);
    let mut client = proxy.connect();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    read_until(&mut client, "abc");

    let process = proxy.process.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &process])
        .status();
    assert!(sent.unwrap().success());
    while TcpStream::connect(proxy.address).is_ok() {
        thread::yield_now();
    }
    go_on.send(()).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "def");
    assert!(proxy.process.wait().unwrap().success());
}

#[test]
fn arguments_that_are_wrong_are_named() {
    let both = ["--listen", "127.0.0.1:0", "--upstream"];
    let cases: [(&[&str], &str); 6] = [
        (&[], "--listen is missing"),
        (&["--listen", "127.0.0.1:0"], "--upstream is missing"),
        (&both, "--upstream needs a value"),
        (&["--cache"], "no option --cache"),
        (&["--threads", "0"], "--threads 0"),
        (&["--store", "redis"], "--store redis"),
    ];
    let urls = [
        ("https://a", "must begin with http://"),
        ("http://a/b", "must have no path"),
        ("http://u@a", "must have no user"),
    ];
    let of_urls = urls.map(|(url, refusal)| ([&both[..], &[url]].concat(), refusal));
    for (arguments, refusal) in cases
        .map(|(arguments, refusal)| (arguments.to_vec(), refusal))
        .into_iter()
        .chain(of_urls)
    {
        let output = command("reverse_proxy").args(&arguments).output().unwrap();
        let said = latin1(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(said.contains(refusal), "{arguments:?}: {said}");
    }
}
