use crate::Violation;
use crate::ber::Reader;
use crate::message::operation::BIND_RESPONSE;
use crate::message::{Control, Message, OperationResult};

/// The answer to a bind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindResponse {
    /// What the server says. Success is code 0 and nothing else: 10 is a referral, 14 a SASL exchange half done.
    pub result: OperationResult,
    /// The controls that came with it, such as the password policy's.
    pub controls: Vec<Control>,
}

impl BindResponse {
    /// An answer of this result, with these controls.
    pub fn new(result: OperationResult, controls: Vec<Control>) -> Self {
        Self { result, controls }
    }

    /// Whether the server says that the name and the password belong together.
    pub fn is_success(&self) -> bool {
        self.result.code == 0
    }

    /// Reads the answer to the request `id`. Whatever is not exactly that is a violation, never a success: an
    /// `ExtendedResponse`, the answer to another request, a search result.
    pub(crate) fn parse(message: &Message<'_>, id: u32) -> Result<Self, Violation> {
        if message.operation != BIND_RESPONSE {
            return Err(Violation::Unexpected("a bind answered by something other than a BindResponse"));
        }
        if message.id != id {
            return Err(Violation::Unexpected("a BindResponse to another request"));
        }
        let mut content = Reader::new(message.content);
        let result = OperationResult::read(&mut content)?;
        // serverSaslCreds may follow the result, tagged like an extension; a simple bind has no use for them.
        content.extensions("something behind the answer to a bind that is no extension")?;
        Ok(Self { result, controls: message.controls()? })
    }
}

#[cfg(test)]
mod tests {
    use super::BindResponse;
    use crate::Violation;
    use crate::message::Message;

    fn parse(bytes: &[u8], id: u32) -> Result<BindResponse, Violation> {
        BindResponse::parse(&Message::parse(bytes)?, id)
    }

    const SUCCESS: [u8; 14] = [0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0];

    fn with(position: usize, octet: u8) -> [u8; 14] {
        let mut bytes = SUCCESS;
        bytes[position] = octet;
        bytes
    }

    #[test]
    fn a_bind_response_to_this_request_with_code_0_is_success() {
        assert!(parse(&SUCCESS, 1).unwrap().is_success());
    }

    #[test]
    fn nothing_but_code_0_is_success() {
        for code in [1, 10, 14, 49, 118, 127] {
            let response = parse(&with(9, code), 1).unwrap();
            assert_eq!((response.is_success(), response.result.code), (false, u32::from(code)));
        }
        assert!(parse(&with(9, 0x80), 1).is_err(), "a negative code");
    }

    #[test]
    fn a_bind_answered_by_anything_else_is_a_violation() {
        for operation in [0x78, 0x65, 0x64, 0x60, 0x41, 0x79] {
            assert!(matches!(parse(&with(5, operation), 1), Err(Violation::Unexpected(_))), "{operation:#x}");
        }
        assert!(matches!(parse(&SUCCESS, 2), Err(Violation::Unexpected(_))));
        assert!(parse(&[0x30, 0x0e, 2, 1, 1, 0x61, 9, 0x0a, 1, 0, 4, 0, 4, 0, 4, 0], 1).is_err(), "one part too many");
    }

    #[test]
    fn a_diagnostic_message_that_is_not_utf8_is_kept_as_far_as_it_can_be_read() {
        let bytes = [0x30, 0x10, 2, 1, 1, 0x61, 11, 0x0a, 1, 49, 4, 0, 4, 4, b'o', 0xff, b'k', 0];
        assert_eq!(parse(&bytes, 1).unwrap().result.diagnostic, "o\u{fffd}k");
    }
}
