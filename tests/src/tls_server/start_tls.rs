use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The request with message id 1, as RFC 4511 section 4.14.1 has it and every client writes it that begins with it.
pub(super) const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// Success, for message id 1.
const RESPONSE: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

/// Agrees to StartTLS. Whoever asks for anything else first is sent away.
pub(super) async fn answer(client: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut request = [0; REQUEST.len()];
    client.read_exact(&mut request).await?;
    if request != REQUEST {
        return Err(io::Error::other("not StartTLS"));
    }
    client.write_all(RESPONSE).await
}
