//! Whether the clients ask the server for the same: what it has to send costs time.

use crate::failure::{Failure, Outcome};

/// Compares how many octets the server sends each client, for a login or a user, with those of the first. By so many as
/// `alike` they may differ: message ids have one octet to three, and the smallest attribute of a bulk user, `sn`, has 14.
pub fn compare(what: &str, alike: f64, sent: &[(&str, f64)]) -> Outcome<()> {
    let Some((first, expected)) = sent.first() else { return Ok(()) };
    for (client, octets) in sent {
        if (octets - expected).abs() > alike {
            return Err(Failure(format!(
                "{what}, the server sends {client} {octets:.1} octets and {first} {expected:.1}: they do not ask for the same; see \
                 LISTED_ATTRIBUTES in src/target.rs"
            )));
        }
    }
    Ok(())
}
