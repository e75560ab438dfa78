//! Hashing passwords, by no more at a time than the host can bear.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use provider_api::Secret;
use tokio::sync::Semaphore;

use super::{CheckError, HashError};
use crate::store::{StoreError, UserId};

/// How many passwords are hashed at a time. Each takes 19 MiB and a core: without a limit a crowd of wrong passwords
/// takes the memory of the host.
const HASHERS: usize = 4;
/// How many may wait for that, a quarter of a second at most where a hash takes 30 ms. It bounds what waits in memory.
const WAITING: usize = 32;
/// How many checks of one account may be under way or wait. Without a limit a crowd that guesses at one fills the host
/// with logins that wait, and neither a directory's login nor that of another local account has its turn. Where a hash
/// takes 30 ms so many are answered sooner than any rejection, so that they do not show by their time.
const OF_ONE_ACCOUNT: usize = 8;

static HASHING: Semaphore = Semaphore::const_new(HASHERS);
static PLACES: Semaphore = Semaphore::const_new(HASHERS + WAITING);

/// The checks of passwords that are under way in a host, counted for each account. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checks(Arc<Mutex<HashMap<UserId, usize>>>);

impl Checks {
    /// Room for one more of this account.
    pub(crate) fn begin(&self, account: UserId) -> Result<Check, CheckError> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(account).or_default();
        if *count >= OF_ONE_ACCOUNT {
            return Err(CheckError::Crowded("the account"));
        }
        *count += 1;
        Ok(Check { checks: self.clone(), account })
    }
}

/// A check that is under way until it is dropped.
pub(crate) struct Check {
    checks: Checks,
    account: UserId,
}

impl Check {
    /// Whether a password is that of a PHC string. Without a PHC string, or with one that cannot be read, a hash is made
    /// for nothing and the answer is no.
    pub(super) async fn verify(self, phc: Option<String>, password: Secret) -> Result<bool, CheckError> {
        hashing(move || {
            let _under_way = self;
            let argon2 = Argon2::default();
            let password = password.expose().as_bytes();
            if let Some(Ok(phc)) = phc.as_deref().map(PasswordHash::new) {
                return argon2.verify_password(password, &phc).is_ok();
            }
            let _ = argon2.hash_password(password);
            false
        })
        .await
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        let mut under_way = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = under_way.entry(self.account) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The argon2id PHC string of a password.
pub(crate) async fn hash(password: Secret) -> Result<String, HashError> {
    let hash = move || Argon2::default().hash_password(password.expose().as_bytes()).map(|phc| phc.to_string());
    let hashed = hashing(hash).await.map_err(|error| HashError(error.to_string()))?;
    hashed.map_err(|error| HashError(error.to_string()))
}

async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CheckError> {
    let place = PLACES.try_acquire().map_err(|_| CheckError::Crowded("local accounts"))?;
    // Both move into the thread: a caller that gives up does not free the core that the work still takes.
    let hasher = HASHING.acquire().await;
    let done = tokio::task::spawn_blocking(move || {
        let answer = work();
        drop((hasher, place));
        answer
    });
    done.await.map_err(|_| StoreError::Damaged("hashing a password ended before its answer".to_owned()).into())
}

#[cfg(test)]
mod tests {
    use super::{Checks, OF_ONE_ACCOUNT};
    use crate::store::UserId;

    #[test]
    fn a_crowd_at_one_account_takes_no_place_of_another() {
        let checks = Checks::default();
        let mut crowd: Vec<_> = (0..OF_ONE_ACCOUNT).map(|_| checks.begin(UserId(1)).expect("room")).collect();
        assert!(checks.begin(UserId(1)).is_err());
        assert!(checks.begin(UserId(2)).is_ok());
        crowd.pop();
        assert!(checks.begin(UserId(1)).is_ok());
        drop(crowd);
        assert!(checks.0.lock().expect("the counts").is_empty(), "nobody is remembered");
    }
}
