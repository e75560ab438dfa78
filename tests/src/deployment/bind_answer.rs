/// How a bind was answered, in the words of OpenLDAP's client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAnswer {
    /// The result code (RFC 4511 section 4.1.9).
    pub code: u32,
    /// What was said beside it: the server's message, and the control of password policies.
    pub text: String,
}

impl BindAnswer {
    /// Reads what `ldapsearch -e ppolicy` writes to standard error.
    pub(super) fn read(errors: &str) -> Self {
        // `ldap_bind: Invalid credentials (49); Password expired`, and for a success with a control
        // `ldap_bind: Success (0) (Password expires in 604800 seconds)`. Without a line, there was nothing to say.
        let Some((_, bind)) = errors.split_once("ldap_bind: ") else { return Self { code: 0, text: String::new() } };
        let number = bind.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
        let code = number.and_then(|(number, _)| number.parse().ok());
        Self { code: code.unwrap_or_else(|| panic!("no result code: {errors}")), text: bind.trim().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::BindAnswer;

    #[test]
    fn a_refusal_and_a_success_with_something_to_say_are_read() {
        let refused = BindAnswer::read("ldap_bind: Invalid credentials (49); Password expired\n");
        assert_eq!((refused.code, refused.text.contains("Password expired")), (49, true));
        assert_eq!(BindAnswer::read("ldap_bind: Success (0) (Password expires in 9 seconds)\n").code, 0);
        assert_eq!(BindAnswer::read("").code, 0);
    }
}
