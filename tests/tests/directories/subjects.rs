//! An account belongs to a person, not to a name or a place.

use serde_json::json;
use tests::deployment::Deployment;

use crate::answer::Answer;
use crate::promise::{Promise, promise};
use crate::settings::host_with;

pub(crate) fn promises() -> Vec<Promise> {
    vec![promise!(a_rename_and_a_move_keep_the_subject), promise!(a_name_that_is_made_again_is_another_subject)]
}

async fn a_rename_and_a_move_keep_the_subject(server: &dyn Deployment) {
    // Of the settings for all servers, so that a unit below the base is looked into.
    let host = host_with(server, json!({ "scope": "sub" })).await;
    let unmarried = server.add_person("unmarried");
    let subject = host.accepts("unmarried", &unmarried.password).await.subject;
    let married = server.rename(&unmarried, "married");
    let identity = host.accepts("married", &married.password).await;
    assert_eq!((identity.subject.as_str(), identity.login.as_str()), (subject.as_str(), "married"));
    assert_eq!(identity.display_name.as_deref(), Some("Full name of married"));
    assert_eq!(Answer::of(&host, "unmarried", &married.password).await, Answer::rejected("unknown_user"));
    let moved = server.move_away(&married);
    assert_eq!(host.accepts("married", &moved.password).await.subject, subject);
    // Somebody else has the old name now.
    let newcomer = server.add_person("unmarried");
    assert_ne!(host.accepts("unmarried", &newcomer.password).await.subject, subject);
}

async fn a_name_that_is_made_again_is_another_subject(server: &dyn Deployment) {
    let host = host_with(server, json!({})).await;
    let first = server.add_person("phoenix");
    let subject = host.accepts("phoenix", &first.password).await.subject;
    server.delete(&first);
    assert_eq!(Answer::of(&host, "phoenix", &first.password).await, Answer::rejected("unknown_user"));
    let second = server.add_person("phoenix");
    assert_eq!(first.dn, second.dn);
    assert_ne!(host.accepts("phoenix", &second.password).await.subject, subject);
}
