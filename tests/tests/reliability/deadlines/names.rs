//! Names that have no address, and addresses at which nobody is.

use std::time::Duration;

use tests::fault_proxy::Mode;

use crate::world::{Expected, World, provider};
use crate::{load::Load, replicas};

/// No resolver knows it (RFC 6761 section 6.4).
const NO_SUCH_NAME: &str = "ldap://does-not-exist.invalid";

/// How long a resolver has that answers late or not at all is the provider's to say.
const UNRESOLVED: &[&str] = &["resolve_failed", "timeout"];

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_leaves_logins_open() {
    let mut world = World::new("the only name has no address", &[Mode::Pass]).await;
    let settings = replicas::settings(&[NO_SUCH_NAME.to_owned()], "2s");
    world.load = Load { provider: provider(&settings).await, deadline: Duration::from_secs(2) };
    let logins = world.logins().await;
    world.judge("no address", &logins, Expected::Unavailable(UNRESOLVED));
    world.conclude().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_beside_a_server_is_passed_over() {
    let mut world = World::beside("the first name of two has no address", &[Mode::Pass], &[NO_SUCH_NAME], 2).await;
    let logins = world.load.at_once([world.people.right()]).await;
    world.judge("the first login", &logins, Expected::Answered);
    let logins = world.logins().await;
    world.judge("the next", &logins, Expected::Answered);
    world.conclude().await;
}
