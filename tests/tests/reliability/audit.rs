//! What the wire says about passwords: each that was typed was sent once at most, and no other.

use std::collections::HashMap;
use std::time::Instant;

use tests::directory::READER_DN;
use tests::fault_proxy::{Bind, Wire};

use crate::bars::{Bars, share};
use crate::people::People;

/// The result code of a refused password.
const INVALID_CREDENTIALS: i64 = 49;

/// The record of binds against the record of logins, in as many portions as wanted.
#[derive(Default)]
pub(crate) struct Audit {
    logins: usize,
    binds: usize,
    refused_service_binds: usize,
    too_often: Vec<String>,
}

impl Audit {
    /// Compares what was typed with what was sent since the last time. No login may be under way.
    pub(crate) fn compare(&mut self, people: &People, wire: &Wire) {
        let mut sent = HashMap::<Vec<u8>, Vec<Instant>>::new();
        for bind in wire.take_binds() {
            if is_service(&bind) {
                self.refused_service_binds += usize::from(bind.code() == Some(INVALID_CREDENTIALS));
            } else {
                self.binds += 1;
                sent.entry(bind.password).or_default().push(bind.at);
            }
        }
        for (password, typed) in people.take_typed() {
            self.logins += typed.len();
            let sent = sent.remove(password.as_bytes()).unwrap_or_default();
            let most = most_for_one_login(&typed, &sent);
            if most > 1 {
                self.too_often.push(format!("{password:?} was sent {most} times for one login"));
            }
        }
        for (password, sent) in sent {
            let password = String::from_utf8_lossy(&password);
            self.too_often.push(format!("{password:?} was sent {} times, and nobody has typed it", sent.len()));
        }
    }

    /// The bars of every scenario.
    pub(crate) fn judge(&self, bars: &mut Bars, wire: &Wire) {
        let some: Vec<&str> = self.too_often.iter().take(5).map(String::as_str).collect();
        let detail = if some.is_empty() { String::new() } else { format!(", such as {}", some.join("; ")) };
        bars.holds(
            "no password is sent twice for one login, counted on the wire",
            self.too_often.is_empty(),
            format_args!(
                "{} binds for logins, {} too often{detail}",
                share(self.binds, self.logins),
                self.too_often.len()
            ),
        );
        bars.holds("no more binds than logins", self.binds <= self.logins, share(self.binds, self.logins));
        bars.equal("service binds refused", self.refused_service_binds, 0);
        let forbidden = wire.forbidden();
        bars.holds("nothing that no client may send", forbidden.is_empty(), format_args!("{forbidden:?}"));
    }
}

/// The most binds that came after a password was typed, and before the same person typed it again. One that came before
/// the first time counts for itself.
fn most_for_one_login(typed: &[Instant], sent: &[Instant]) -> usize {
    let mut binds = vec![0; typed.len() + 1];
    for &sent in sent {
        binds[typed.partition_point(|&typed| typed <= sent)] += 1;
    }
    binds.into_iter().max().unwrap_or_default()
}

/// Whether this is a bind as the service account.
pub(crate) fn is_service(bind: &Bind) -> bool {
    bind.name.eq_ignore_ascii_case(READER_DN.as_bytes())
}

#[test]
fn a_bind_too_many_is_noticed_even_if_another_login_had_none() {
    use std::time::Duration;

    let begun = Instant::now();
    let at = |seconds: u64| begun + Duration::from_secs(seconds);
    assert_eq!(most_for_one_login(&[at(1), at(10)], &[at(2), at(11)]), 1);
    assert_eq!(most_for_one_login(&[at(1), at(10)], &[at(2)]), 1);
    assert_eq!(most_for_one_login(&[at(1), at(10)], &[]), 0);
    assert_eq!(most_for_one_login(&[at(1), at(10)], &[at(11), at(12)]), 2);
    // After the answer, and before anybody typed it again.
    assert_eq!(most_for_one_login(&[at(1), at(10)], &[at(2), at(9)]), 2);
}
