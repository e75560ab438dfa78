//! Two ways to log in.

mod bare;
mod guarded;

use ldap3::{DerefAliases, Ldap, Scope, SearchEntry, SearchOptions};

pub use bare::Bare;
pub use guarded::Guarded;

use crate::directory::SUFFIX;

/// What a login needs.
pub trait Driver: Send + Sync + 'static {
    /// A connection that is bound as the service account. Clones share it.
    type Searcher: Clone + Send + 'static;
    /// A connection for binding as users.
    type Binder: Send + 'static;

    /// Opens a connection for searching.
    fn searcher(&self) -> impl Future<Output = Self::Searcher> + Send;

    /// Opens a connection for binding.
    fn binder(&self) -> impl Future<Output = Self::Binder> + Send;

    /// The DN of the user with this `uid`.
    fn find(&self, searcher: &mut Self::Searcher, name: &str) -> impl Future<Output = String> + Send;

    /// Binds as the user, which has to succeed.
    fn bind(&self, binder: &mut Self::Binder, dn: &str, password: &str) -> impl Future<Output = ()> + Send;
}

/// The search is the library's in both.
async fn find(ldap: &mut Ldap, name: &str) -> String {
    let options = SearchOptions::new().deref(DerefAliases::Never).typesonly(false).sizelimit(2);
    let attributes = vec!["uid", "cn", "displayName", "mail", "telephoneNumber", "entryUUID", "memberOf"];
    // Below it there is no referral, which the guard would keep from the library.
    let (base, filter) = (format!("ou=engineers,ou=people,{SUFFIX}"), format!("(uid={name})"));
    let mut results = ldap
        .with_search_options(options)
        .streaming_search(&base, Scope::Subtree, &filter, attributes)
        .await
        .expect("a search");
    let mut found = Vec::new();
    while let Some(entry) = results.next().await.expect("an answer to the search") {
        found.push(SearchEntry::construct(entry).dn);
    }
    assert_eq!(results.finish().await.rc, 0, "the search succeeds");
    assert_eq!(found.len(), 1, "there is one {name}");
    found.remove(0)
}
