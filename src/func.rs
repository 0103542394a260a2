//! Functions of a request or response: a pointer, which fits in a `const`, or a closure.

use std::{fmt, sync::Arc};

pub(crate) enum Func<A, R> {
    Plain(fn(&A) -> R),
    Closure(Arc<dyn Fn(&A) -> R + Send + Sync>),
}

impl<A, R> Func<A, R> {
    pub(crate) fn closure(function: impl Fn(&A) -> R + Send + Sync + 'static) -> Self {
        Self::Closure(Arc::new(function))
    }

    pub(crate) fn call(&self, argument: &A) -> R {
        match self {
            Self::Plain(function) => function(argument),
            Self::Closure(function) => function(argument),
        }
    }
}

impl<A, R> Clone for Func<A, R> {
    fn clone(&self) -> Self {
        match self {
            Self::Plain(function) => Self::Plain(*function),
            Self::Closure(function) => Self::Closure(Arc::clone(function)),
        }
    }
}

impl<A, R> fmt::Debug for Func<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "function",
            Self::Closure(_) => "closure",
        })
    }
}
