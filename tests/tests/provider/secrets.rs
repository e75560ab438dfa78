//! No password is seen in a log, an error or a debug print, whatever goes wrong and however much is logged.

use serde_json::json;
use tests::directory::{Directory, ServerCertificate, Transport, password_of};
use tests::host::Host;

/// Every password of the test directories has this word in it.
const CANARY: &str = "canary";

#[tokio::test]
async fn no_password_shows_in_logs_or_answers_at_the_finest_level() {
    let directory = Directory::start();
    let expired = Directory::builder().certificate(ServerCertificate::Expired).start();
    let stopped = Directory::start();
    stopped.kill();
    let mut wrong_service_password = directory.settings();
    wrong_service_password["bind_password"] = json!("canary: not the reader's");
    let all_settings = [
        directory.settings_over(Transport::Plain),
        directory.settings_over(Transport::StartTls),
        directory.settings_over(Transport::Ldaps),
        wrong_service_password,
        expired.settings_over(Transport::Ldaps),
        stopped.settings(),
    ];
    let long = format!("canary {}", "x".repeat(2_000));
    let passwords = [password_of("alice"), "canary: wrong".to_owned(), "canary\0".to_owned(), long];
    for settings in all_settings {
        let host = Host::with_ldap(&settings).await;
        let mut seen = vec![format!("{:?}", host.provider)];
        for name in ["alice", "twin", "nobody", "ali\0ce"] {
            for password in &passwords {
                let answer = host.login(name, password).await;
                if let Err(fault) = &answer {
                    seen.push(fault.to_string());
                }
                seen.push(format!("{answer:?}"));
            }
        }
        seen.push(format!("{:?}", host.validate().await));
        seen.push(format!("{:?}", host.list().await));
        assert!(!host.log.records().is_empty(), "nothing was logged, so nothing was tested");
        seen.push(host.log.text());
        let mut lines = seen.iter().flat_map(|text| text.lines());
        let shown = lines.clone().find(|line| line.contains(CANARY));
        assert_eq!(shown, None);
        // Neither as bytes, in which a debug print of a request shows them.
        let as_bytes = format!("{:?}", CANARY.as_bytes());
        let shown = lines.find(|line| line.contains(as_bytes.trim_matches(['[', ']'])));
        assert_eq!(shown, None);
    }
}

#[tokio::test]
async fn what_a_login_logs_carries_its_request_id() {
    let directory = Directory::start();
    let host = Host::with_ldap(&directory.settings()).await;
    host.accepts("alice", &password_of("alice")).await;
    let of_the_login = host.log.records().into_iter().filter(|record| record.request_id.is_some()).count();
    assert!(of_the_login > 0, "{}", host.log.text());
}
