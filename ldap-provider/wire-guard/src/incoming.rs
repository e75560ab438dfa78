use tokio::io::AsyncRead;

use crate::Violation;
use crate::ber::Reader;
use crate::exchange::ExchangeError;
use crate::frame::{Frame, FrameReader, Next};
use crate::limits::Limits;
use crate::message::operation::{EXTENDED_RESPONSE, SEARCH_ENTRY};
use crate::message::{Message, OperationResult};

/// What comes from the server over one connection, for all of its life: answers. Messages that belong to no request
/// are dealt with here.
pub(crate) struct Incoming {
    reader: FrameReader,
    limits: Limits,
    notifications: usize,
}

impl Incoming {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { reader: FrameReader::new(limits.message), limits, notifications: 0 }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether octets were read that belong to no message handed out yet.
    pub(crate) fn has_unread(&self) -> bool {
        self.reader.has_unread()
    }

    /// The next message that belongs to a request, or claims to. Safe to cancel.
    pub(crate) async fn answer(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Frame, ExchangeError> {
        loop {
            let frame = self.reader.next(stream).await?;
            if let Some(answer) = self.sorted(frame)? {
                return Ok(answer);
            }
        }
    }

    /// The same, where an entry that is too large is no reason to end the connection. Safe to cancel.
    pub(crate) async fn answer_or_oversized(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Next, ExchangeError> {
        loop {
            match self.reader.next_or_oversized(stream).await? {
                Next::Whole(frame) => {
                    if let Some(answer) = self.sorted(frame)? {
                        return Ok(Next::Whole(answer));
                    }
                }
                oversized @ Next::Oversized(_) => return Ok(oversized),
            }
        }
    }

    /// The next such message if it has been read already.
    pub(crate) fn answer_read(&mut self) -> Result<Option<Frame>, ExchangeError> {
        while let Some(frame) = self.reader.next_read()? {
            if let Some(answer) = self.sorted(frame)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The message, unless it is a notification.
    fn sorted(&mut self, frame: Frame) -> Result<Option<Frame>, ExchangeError> {
        let message = Message::parse(&frame.bytes)?;
        let (octets, limit) = (frame.bytes.len(), self.limits.result);
        if message.operation != SEARCH_ENTRY && octets > limit {
            return Err(Violation::ResultTooLarge { octets, limit }.into());
        }
        match notification(&message)? {
            None => return Ok(Some(frame)),
            Some(Notification::Disconnection(result)) => return Err(ExchangeError::Disconnected(result)),
            Some(Notification::Unknown) => self.notifications += 1,
        }
        let limit = self.limits.notifications;
        if self.notifications > limit {
            return Err(Violation::TooManyNotifications { limit }.into());
        }
        Ok(None)
    }
}

/// A message that the server sends on its own account (RFC 4511 section 4.4).
#[derive(Debug, PartialEq, Eq)]
enum Notification {
    /// It is about to close the connection.
    Disconnection(OperationResult),
    /// Something that this side does not know, and has to ignore.
    Unknown,
}

/// The name of the Notice of Disconnection, RFC 4511 section 4.4.1.
const DISCONNECTION: &[u8] = b"1.3.6.1.4.1.1466.20036";

/// `responseName [10]` within an extended response.
const RESPONSE_NAME: u8 = 0x8a;

/// Which notification a message is, if it is one.
fn notification(message: &Message<'_>) -> Result<Option<Notification>, Violation> {
    if message.id != 0 {
        return Ok(None);
    }
    if message.operation != EXTENDED_RESPONSE {
        return Err(Violation::Unexpected("an answer with the id 0, which no request has"));
    }
    let mut content = Reader::new(message.content);
    let result = OperationResult::read(&mut content)?;
    // Active Directory puts the name behind the operation instead of into it.
    let name = match content.optional(RESPONSE_NAME)? {
        Some(name) => Some(name),
        None => message.extensions().optional(RESPONSE_NAME)?,
    };
    match name {
        Some(DISCONNECTION) => Ok(Some(Notification::Disconnection(result))),
        Some(_) => Ok(Some(Notification::Unknown)),
        None => Err(Violation::Malformed("a notification without a name")),
    }
}

#[cfg(test)]
mod tests {
    use super::{DISCONNECTION, Incoming, Notification, notification};
    use crate::Violation;
    use crate::ber::wrap;
    use crate::exchange::ExchangeError;
    use crate::limits::Limits;
    use crate::message::Message;

    const RESULT: [u8; 7] = [0x0a, 1, 0x34, 4, 0, 4, 0];

    fn message(operation: u8, content: &[u8], behind: &[u8]) -> Vec<u8> {
        wrap(0x30, &[&[2, 1, 0][..], &wrap(operation, content), behind].concat())
    }

    fn named(name: &[u8]) -> Vec<u8> {
        message(0x78, &[&RESULT[..], &wrap(0x8a, name)].concat(), &[])
    }

    #[test]
    fn a_notice_of_disconnection_is_understood_in_active_directorys_form_too() {
        for bytes in [named(DISCONNECTION), message(0x78, &RESULT, &wrap(0x8a, DISCONNECTION))] {
            let notice = notification(&Message::parse(&bytes).unwrap());
            assert!(matches!(notice, Ok(Some(Notification::Disconnection(result))) if result.code == 52));
        }
    }

    #[test]
    fn what_has_the_id_0_and_is_no_notification_is_refused() {
        for bytes in [message(0x78, &RESULT, &[]), message(0x65, &RESULT, &[]), message(0x61, &RESULT, &[])] {
            assert!(notification(&Message::parse(&bytes).unwrap()).is_err(), "{bytes:02x?}");
        }
    }

    #[tokio::test]
    async fn what_is_no_entry_has_a_limit_of_its_own() {
        let of = |operation: u8, octets: usize| {
            let content = wrap(operation, &wrap(4, &vec![0; octets]));
            wrap(0x30, &[&[2, 1, 1][..], &content].concat())
        };
        let limit = Limits::LOGIN.result;
        for (operation, octets, passed) in [(0x64, limit, true), (0x65, limit - 64, true), (0x65, limit, false)] {
            let answer = of(operation, octets);
            let outcome = Incoming::new(Limits::LOGIN).answer(&mut answer.as_slice()).await;
            assert_eq!(outcome.is_ok(), passed, "{operation:#x} {octets}");
        }
    }

    #[tokio::test]
    async fn unknown_notifications_are_passed_over_up_to_their_limit() {
        let answer = wrap(0x30, &[2, 1, 1, 0x65, 0]);
        let limit = Limits::LOGIN.notifications;
        for (count, passed) in [(limit, true), (limit + 1, false)] {
            let octets = [named(b"1.3.6.1.1.21.4").repeat(count), answer.clone()].concat();
            match Incoming::new(Limits::LOGIN).answer(&mut octets.as_slice()).await {
                Ok(frame) => assert!(passed && frame.bytes == answer),
                Err(ExchangeError::Violation(violation)) => {
                    assert_eq!((passed, violation), (false, Violation::TooManyNotifications { limit }));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
