//! A store with one local account: it has to work whatever the directories do.

use std::path::Path;

use host_harness::local_accounts::{self, NewLocalAccount};
use host_harness::store::Store;
use provider_api::{Credentials, Secret};

/// Its name.
pub const NAME: &str = "admin";
/// Its password.
pub const PASSWORD: &str = "of the local account";

/// A new store in a folder, with the account in it.
pub async fn store(folder: &Path) -> Store {
    let store = Store::open("sqlite:users.db", folder).await.expect("a store");
    add(&store, PASSWORD).await;
    store
}

/// Adds the account to a store, with another password.
pub async fn add(store: &Store, password: &str) {
    let (name, password) = (NAME.to_owned(), Secret::new(password));
    let account = NewLocalAccount { name, password, display_name: None, email: None };
    local_accounts::add(store, account).await.expect("nobody has the name");
}

/// What its owner types.
pub fn credentials() -> Credentials {
    Credentials::new(NAME, Secret::new(PASSWORD))
}
