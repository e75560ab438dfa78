/// The right to send one typed password once.
///
/// A wrong password that is sent twice counts twice towards locking the account, so a login gets one permit and
/// sending spends it: it is neither `Clone` nor `Copy`, and [`Connection::bind_user`](crate::Connection::bind_user)
/// takes it by value.
#[derive(Debug)]
#[must_use = "a permit that is not spent sends nothing"]
pub struct BindPermit(());

impl BindPermit {
    /// The permit of one login. Whoever calls this twice for one typed password breaks the promise above.
    pub fn for_one_login() -> Self {
        Self(())
    }
}
