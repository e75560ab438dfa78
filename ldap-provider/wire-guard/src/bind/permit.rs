use super::BindRequest;

/// The right to send one typed password once.
///
/// A wrong password that is sent twice counts twice towards locking the account, so a login gets one permit and
/// sending spends it: it is neither `Clone` nor `Copy`, and a [`UserBind`] takes it by value.
#[derive(Debug)]
#[must_use = "a permit that is not spent sends nothing"]
pub struct BindPermit(());

impl BindPermit {
    /// The permit of one login. Whoever calls this twice for one typed password breaks the promise above.
    pub fn for_one_login() -> Self {
        Self(())
    }
}

/// A bind as a user, which can be sent once. [`Connection::bind_user`](crate::Connection::bind_user) takes it by value,
/// and gives it back only if nothing of it was sent.
#[derive(Debug)]
#[must_use = "a bind that is not spent sends nothing"]
pub struct UserBind {
    request: BindRequest,
    permit: BindPermit,
}

impl UserBind {
    /// A bind for this permit.
    pub fn new(request: BindRequest, permit: BindPermit) -> Self {
        Self { request, permit }
    }

    /// The request, which the caller is about to send.
    pub(crate) fn spend(self) -> BindRequest {
        let Self { request, permit: BindPermit(()) } = self;
        request
    }

    /// The password and the permit, for a bind by another name: the entry may have been found anew.
    pub fn unspent(self) -> (super::BindPassword, BindPermit) {
        (self.request.into_password(), self.permit)
    }
}
