//! Attributes that are true or not.

/// Whether a value is `true`, in any case. 389-DS and FreeIPA take `nsAccountLock` for set so, and for anything else
/// as not set.
pub fn is_true(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"true")
}
