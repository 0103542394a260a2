//! Responses of the service that pass without being stored.

use http::Response;

use super::{ResponseBody, answer::How, config::Config, tags};

impl Config {
    pub(super) fn pass<B>(&self, mut response: Response<B>, how: How) -> Response<ResponseBody<B>> {
        let headers = response.headers_mut();
        tags::strip(headers);
        self.say(headers, how, None);
        response.map(ResponseBody::inner)
    }
}
