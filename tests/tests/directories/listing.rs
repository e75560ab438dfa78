//! Everybody who could log in, page by page.

use std::collections::HashSet;

use serde_json::json;
use tests::deployment::Deployment;

use crate::promise::{Promise, promise};
use crate::settings::host_with;

/// More than any of the servers gives in one answer.
const MANY: usize = 2_500;

pub(crate) fn promises() -> Vec<Promise> {
    vec![promise!(each_of_2500_users_is_listed_once)]
}

async fn each_of_2500_users_is_listed_once(server: &dyn Deployment) {
    let unit = server.add_unit("many");
    server.add_many(&unit, "many", MANY);
    let host = host_with(server, json!({ "base_dn": unit })).await;
    let (users, end) = host.list().await;
    assert_eq!(end, Ok(()));
    assert_eq!(users.len(), MANY);
    let logins: HashSet<&str> = users.iter().filter_map(|user| user.login.as_deref()).collect();
    assert!((1..=MANY).all(|number| logins.contains(format!("many{number:05}").as_str())));
    let subjects: HashSet<&str> = users.iter().filter_map(|user| user.subject.as_deref()).collect();
    assert_eq!(subjects.len(), MANY);
}
