//! Attributes that are true or not.

/// Whether a value is `true`, in any case. 389-DS and FreeIPA take `nsAccountLock` for set so, and for anything else
/// as not set.
pub fn is_true(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"true")
}

#[cfg(test)]
mod tests {
    use super::is_true;

    #[test]
    fn true_is_true_in_any_case_and_nothing_else_is() {
        for value in [&b"true"[..], b"TRUE", b"True", b"tRuE"] {
            assert!(is_true(value), "{value:?}");
        }
        for value in [&b""[..], b"FALSE", b"true ", b" true", b"true\0", b"tru", b"1", b"yes", b"tr\xfce"] {
            assert!(!is_true(value), "{value:?}");
        }
    }
}
