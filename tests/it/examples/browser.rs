//! An example as a process of its own, and those who open it: each with a cookie of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};

use super::command;

/// The running example. It ends with the test.
pub(super) struct Server {
    child: Child,
    url: String,
}

/// Somebody who keeps what `Set-Cookie` says, and follows no redirect.
pub(super) struct Browser<'a> {
    server: &'a Server,
    client: Client,
    pub(super) cookie: Option<String>,
}

impl Server {
    pub(super) fn start(example: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = command(example)
            .env("LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some(url) = line.strip_prefix("listening: ") {
                break url.to_owned();
            }
        };
        // What it says from then on is read, too, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url }
    }

    pub(super) fn browser(&self) -> Browser<'_> {
        let client = Client::builder().no_proxy().redirect(Policy::none());
        Browser {
            server: self,
            client: client.build().unwrap(),
            cookie: None,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser<'_> {
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.server.url));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    pub(super) async fn send(&mut self, request: RequestBuilder) -> Response {
        let response = request.send().await.unwrap();
        for line in response.headers().get_all("set-cookie") {
            assert_eq!(response.headers()["cache-control"], "no-store");
            let line = line.to_str().unwrap();
            assert!(
                line.starts_with("__Host-id=") && line.contains("; Secure"),
                "{line}"
            );
            let pair = line.split(';').next().unwrap();
            self.cookie = (!line.contains("Max-Age=0;")).then(|| pair.to_owned());
        }
        response
    }

    pub(super) async fn get(&mut self, path: &str) -> Response {
        self.send(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&mut self, path: &str, body: &str) -> u16 {
        let request = self.request(Method::POST, path).body(body.to_owned());
        self.send(request).await.status().as_u16()
    }
}
