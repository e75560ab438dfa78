use std::pin::Pin;

use tests::deployment::Deployment;

/// A promise being tried.
pub(crate) type Trying<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What holds on every server.
#[derive(Clone)]
pub(crate) struct Promise {
    /// The module and the sentence.
    pub(crate) name: String,
    /// Whether nobody else may ask the server anything meanwhile.
    pub(crate) alone: bool,
    /// Panics when it is not kept.
    pub(crate) attempt: for<'a> fn(&'a dyn Deployment) -> Trying<'a>,
}

impl Promise {
    /// The same, with the server to itself.
    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}

/// The promise that an async function with the server as its argument tries, under that function's name.
macro_rules! promise {
    ($attempt:ident) => {
        $crate::promise::Promise {
            name: format!("{}::{}", module_path!().rsplit("::").next().unwrap_or_default(), stringify!($attempt)),
            alone: false,
            attempt: |server| Box::pin($attempt(server)),
        }
    };
}
pub(crate) use promise;
