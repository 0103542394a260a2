//! The subscriber of the application.

use std::fmt::Display;

use tracing::{dispatcher::get_default, subscriber::NoSubscriber};

/// Tells the subscriber, and returns whether there is one here: one of another thread would not hear it.
///
/// An error, since that is what is still heard where nobody has chosen a level.
pub(super) fn tell_subscriber(text: &impl Display) -> bool {
    let is_there = get_default(|subscriber| !subscriber.is::<NoSubscriber>());
    if is_there {
        tracing::error!("{text}");
    }
    is_there
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        sync::{Arc, Mutex, PoisonError},
    };

    use tracing::{
        Event, Metadata, Subscriber,
        field::{Field, Visit},
        span,
        subscriber::with_default,
    };

    use super::*;
    use crate::notice::Once;

    /// Keeps the messages of events.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Visit for Heard {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push(format!("{field}: {value:?}"));
        }
    }

    impl Subscriber for Heard {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == tracing::Level::ERROR
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }

        fn enter(&self, _: &span::Id) {}

        fn exit(&self, _: &span::Id) {}
    }

    #[test]
    fn a_notice_is_said_once_to_the_subscriber() {
        static NOTICE: Once = Once::new();
        let heard = Heard::default();
        with_default(heard.clone(), || {
            assert!(!NOTICE.is_said());
            NOTICE.say(|| "first");
            NOTICE.say(|| -> &str { unreachable!("it has been said") });
        });
        assert!(NOTICE.is_said());
        let heard = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(*heard, ["message: first"]);
    }

    #[test]
    fn without_a_subscriber_nobody_has_heard_it() {
        assert!(!tell_subscriber(&"nothing"));
        // A subscriber has been set once, elsewhere: it is not here.
        assert!(with_default(Heard::default(), || tell_subscriber(&"")));
        assert!(!tell_subscriber(&"nothing"));
    }
}
