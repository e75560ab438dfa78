//! Who logs in, and with what. Nobody types the same wrong password twice: the wire then tells which login sent it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tests::directory::{bulk_login, password_of};

/// What somebody types.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) login: String,
    pub(crate) password: String,
    /// Whether the password is this user's.
    pub(crate) right: bool,
}

/// The bulk users of the directories, and a record of what they have typed. They take turns, and there are so many that
/// nobody's turn comes again before the last login has been answered.
pub(crate) struct People {
    count: usize,
    next: AtomicUsize,
    typed: Mutex<Typings>,
}

/// When each password was typed, in order.
pub(crate) type Typings = HashMap<String, Vec<Instant>>;

impl People {
    pub(crate) fn of(count: usize) -> Self {
        Self { count, next: AtomicUsize::new(0), typed: Mutex::default() }
    }

    /// The next one, with the right password.
    pub(crate) fn right(&self) -> Typed {
        let (login, _) = self.next();
        let password = password_of(&login);
        self.note(Typed { login, password, right: true })
    }

    /// The next one, with a wrong password that nobody else types.
    pub(crate) fn wrong(&self) -> Typed {
        let (login, number) = self.next();
        let password = format!("wrong {number:07}");
        self.note(Typed { login, password, right: false })
    }

    /// One in so many is wrong.
    pub(crate) fn mixed(&self, one_in: usize) -> Typed {
        if self.next.load(Ordering::Relaxed) % one_in == one_in - 1 { self.wrong() } else { self.right() }
    }

    /// When each password was typed since the last time.
    pub(crate) fn take_typed(&self) -> Typings {
        std::mem::take(&mut self.typed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn next(&self) -> (String, usize) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        (bulk_login(number % self.count + 1), number)
    }

    fn note(&self, typed: Typed) -> Typed {
        let mut all = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(typed.password.clone()).or_default().push(Instant::now());
        typed
    }
}
