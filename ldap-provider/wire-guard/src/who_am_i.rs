//! The operation "Who am I?" (RFC 4532), asked for the sake of an answer.

use crate::Violation;
use crate::ber::{self, Reader};
use crate::message::operation::{EXTENDED_REQUEST, EXTENDED_RESPONSE};
use crate::message::{self, Message, OperationResult};

/// The name of the operation, RFC 4532 section 2.
const OID: &[u8] = b"1.3.6.1.4.1.4203.1.11.3";

/// `requestName [0]` within an extended request.
const REQUEST_NAME: u8 = 0x80;

pub(crate) fn request(id: u32) -> Vec<u8> {
    message::encode(id, &ber::wrap(EXTENDED_REQUEST, &ber::wrap(REQUEST_NAME, OID)))
}

/// Whether this answers the request, in whichever way: a server that does not know the operation (Samba 4.17 says 2,
/// protocolError) is alive too.
pub(crate) fn check(message: &Message<'_>, id: u32) -> Result<(), Violation> {
    if message.operation != EXTENDED_RESPONSE || message.id != id {
        return Err(Violation::Unexpected("\"Who am I?\" answered by something other than its ExtendedResponse"));
    }
    let mut content = Reader::new(message.content);
    OperationResult::read(&mut content)?;
    content.extensions("something behind the answer to \"Who am I?\" that is no extension")?;
    message.controls()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check, request};
    use crate::ber::wrap;
    use crate::message::Message;

    #[test]
    fn the_request_is_encoded_as_rfc_4511_has_it() {
        let start = [0x30, 0x1e, 0x02, 0x01, 0x07, 0x77, 0x19, 0x80, 0x17];
        assert_eq!(request(7), [&start[..], b"1.3.6.1.4.1.4203.1.11.3"].concat());
    }

    #[test]
    fn any_answer_to_it_will_do_and_no_other() {
        let answer = |id: u8, operation: u8, code: u8, value: &[u8]| {
            let content = [&[0x0a, 1, code, 4, 0, 4, 0][..], value].concat();
            wrap(0x30, &[&[2, 1, id][..], &wrap(operation, &content)].concat())
        };
        let is_answer = |bytes: &[u8]| check(&Message::parse(bytes).unwrap(), 7).is_ok();
        assert!(is_answer(&answer(7, 0x78, 0, &wrap(0x8b, b"dn:uid=alice,dc=x"))));
        assert!(is_answer(&answer(7, 0x78, 2, b"")));
        assert!(!is_answer(&answer(8, 0x78, 0, b"")));
        assert!(!is_answer(&answer(7, 0x61, 0, b"")), "the answer to a bind that nobody knows of");
    }
}
