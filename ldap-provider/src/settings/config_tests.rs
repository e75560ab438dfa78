use std::io::Write as _;

use provider_api::Fault;
use serde_json::{Value, json};

use super::{Account, Config, Scope, Settings, config::TlsWarning};
use crate::entry::Entry;
use crate::filter::EncodedFilter;
use crate::kind::{Kind, RootDse};
use crate::plan::{Contexts, Plan};
use directory_data::Dn;

fn parse(changes: Value) -> Result<Config, Fault> {
    let mut settings = json!({ "host": "ldap.example.com", "base_dn": "ou=people,dc=example,dc=com" });
    let Value::Object(changes) = changes else { panic!("an object") };
    for (key, value) in changes {
        settings[key] = value;
    }
    Config::parse(serde_json::from_value(settings).expect("well-typed settings"))
}

fn plan(changes: Value) -> Plan {
    plan_for(Kind::Other, changes)
}

fn plan_for(kind: Kind, changes: Value) -> Plan {
    let config = parse(changes).unwrap();
    Plan::new(&config, kind, Contexts::of(&config.base_dn, None))
}

fn refused_key(changes: &Value) -> String {
    match parse(changes.clone()) {
        Err(Fault::Misconfigured { setting: Some(key), message, .. }) => {
            assert!(!message.contains("hunter2"), "{message}");
            key
        }
        other => panic!("{changes} gave {other:?}"),
    }
}

#[test]
fn two_settings_are_enough() {
    let config = parse(json!({})).unwrap();
    assert_eq!(config.servers(), "ldap://ldap.example.com:389");
    assert_eq!(plan(json!({})).scope, Scope::One);
    assert!(matches!(config.account, Account::Anonymous));
    assert_eq!(config.timeout.as_secs(), 8);
    let anybody = EncodedFilter::any(&["uid", "cn"].map(EncodedFilter::has));
    assert_eq!(plan(json!({})).user_filter.for_anybody(), anybody);
    assert_eq!(config.tls_warning(), Some(TlsWarning::Plain));
}

#[test]
fn the_port_follows_the_scheme() {
    let endpoint = |changes| parse(changes).unwrap().servers();
    assert_eq!(endpoint(json!({ "host": "ldaps://x" })), "ldaps://x:636");
    assert_eq!(endpoint(json!({ "host": "x", "start_tls": true })), "ldap://x:389");
    assert_eq!(endpoint(json!({ "host": "ldap://x", "port": 1389 })), "ldap://x:1389");
    assert_eq!(endpoint(json!({ "host": "ldap://x:1389", "port": 1389 })), "ldap://x:1389");
}

#[test]
fn several_servers_stay_in_their_order_and_have_their_own_ports() {
    let config = parse(json!({ "host": "ldaps://a,ldaps://b:1636 ldaps://[::1]", "port": 2636 })).unwrap();
    assert_eq!(config.servers(), "ldaps://a:2636, ldaps://b:1636, ldaps://[::1]:2636");
    let config = parse(json!({ "host": ["a", "b"], "start_tls": true })).unwrap();
    assert_eq!(config.servers(), "ldap://a:389, ldap://b:389");
    assert_eq!(config.tls_warning(), None);
}

#[test]
fn a_port_that_no_server_has_is_refused() {
    for (host, said) in [("a:1389", "the host says 1389;"), ("a:1389 b:1389", "every server in host names another")] {
        let fault = parse(json!({ "host": host, "port": 389, "start_tls": true })).unwrap_err();
        assert!(fault.message().contains(said), "{host}: {fault}");
    }
    for host in ["a:1389 b", "a:1389 b:389"] {
        assert!(parse(json!({ "host": host, "port": 389, "start_tls": true })).is_ok(), "{host}");
    }
}

#[test]
fn empty_fields_of_a_form_count_as_absent() {
    let empty = json!({
        "bind_dn": "",
        "bind_password": "",
        "filter": " ",
        "ca_file": "",
        "tls_server_name": "",
        "subject_attribute": "",
        "username_attribute": " ",
        "bind_template": "",
        "required_groups": "",
        "denied_groups": " ",
        "group_base_dn": "",
        "display_name_attribute": "",
        "extra_attributes": "",
        "password_expiry_warning": "",
        "timeout": " ",
    });
    let config = parse(empty).unwrap();
    assert!(matches!(config.account, Account::Anonymous));
    assert!(config.choices.username_attributes.is_none() && config.choices.filter.is_none());
    assert!(config.bind_template.is_none() && config.choices.groups.is_none() && config.kind.is_none());
    assert_eq!(config.timeout.as_secs(), 8);
}

#[test]
fn impossible_settings_are_refused_by_their_key() {
    for (key, changes) in [
        ("host", json!({ "host": "" })),
        ("host", json!({ "host": [] })),
        ("host", json!({ "host": ["a", "ldap:foo"] })),
        ("host", json!({ "host": "ldaps://a, ldap://b" })),
        ("host", json!({ "host": "a, ldap://A:389" })),
        ("host", json!({ "host": "a b c d e f g h i j k l m n o p q" })),
        ("host", json!({ "host": "a b:636" })),
        ("host", json!({ "host": "ldap://admin:hunter2@x" })),
        ("host", json!({ "host": "x", "port": 636 })),
        ("start_tls", json!({ "host": "x", "port": 636, "start_tls": true })),
        ("start_tls", json!({ "host": "x:3269", "start_tls": true })),
        ("no_tls_verify", json!({ "no_tls_verify": true })),
        ("port", json!({ "port": 0 })),
        ("port", json!({ "host": "ldap://x:1389", "port": 389 })),
        ("base_dn", json!({ "base_dn": "" })),
        ("base_dn", json!({ "base_dn": "people" })),
        ("bind_dn", json!({ "bind_dn": "not a dn", "bind_password": "hunter2" })),
        ("bind_dn", json!({ "bind_password": "hunter2" })),
        ("bind_password", json!({ "bind_dn": "cn=admin" })),
        ("bind_password", json!({ "bind_dn": "cn=admin", "bind_password": "" })),
        ("bind_password", json!({ "bind_dn": "cn=admin", "bind_password": "hunter2\0" })),
        ("filter", json!({ "filter": "(uid=" })),
        ("username_attribute", json!({ "username_attribute": [] })),
        ("username_attribute", json!({ "username_attribute": "uid=*" })),
        ("username_attribute", json!({ "username_attribute": ["uid", ""] })),
        ("username_attribute", json!({ "username_attribute": "dn" })),
        ("start_tls", json!({ "host": "ldaps://x", "start_tls": true })),
        ("require_tls", json!({ "require_tls": true })),
        ("require_tls", json!({ "host": "ldaps://x", "no_tls_verify": true, "require_tls": true })),
        ("ca_file", json!({ "ca_file": "/etc/ssl/ca.pem" })),
        ("ca_file", json!({ "host": "ldaps://x", "ca_file": "/does/not/exist" })),
        ("ca_file", json!({ "host": "ldaps://x", "ca_file": "/does/not/exist", "no_tls_verify": true })),
        ("ca_file", json!({ "host": "ldaps://x", "ca_file": "/dev/null" })),
        ("tls_server_name", json!({ "tls_server_name": "x" })),
        ("tls_server_name", json!({ "host": "ldaps://x", "no_tls_verify": true, "tls_server_name": "two words" })),
        ("subject_attribute", json!({ "subject_attribute": "entry uuid" })),
        ("timeout", json!({ "timeout": "8" })),
        ("bind_template", json!({ "bind_template": "uid=alice,ou=people,dc=example,dc=com" })),
        ("bind_template", json!({ "bind_template": "uid={username},dc=example,dc=org" })),
        ("required_groups", json!({ "required_groups": "RustDesk Users" })),
        ("denied_groups", json!({ "denied_groups": ["cn=a,dc=x", "admins"] })),
        ("required_groups", json!({ "required_groups": [] })),
        ("required_groups", json!({ "required_groups": [""] })),
        ("denied_groups", json!({ "denied_groups": [] })),
        ("denied_groups", json!({ "group_base_dn": "ou=app,dc=x", "denied_groups": "cn=blocked,ou=corp,dc=x" })),
        ("bind_template", json!({ "bind_template": "uid=svc-{username},ou=people,dc=example,dc=com" })),
        ("groups", json!({ "groups": "none", "required_groups": "cn=a,dc=x" })),
        ("group_base_dn", json!({ "groups": "auto", "group_base_dn": "groups" })),
        ("nested_groups", json!({ "groups": "token_groups", "nested_groups": false })),
        ("display_name_attribute", json!({ "display_name_attribute": "*" })),
        ("email_attribute", json!({ "email_attribute": [] })),
        ("extra_attributes", json!({ "extra_attributes": ["title", "*"] })),
        ("password_expiry_warning", json!({ "password_expiry_warning": "two weeks" })),
    ] {
        assert_eq!(refused_key(&changes), key, "{changes}");
    }
}

#[test]
fn a_ca_file_that_is_empty_or_no_pem_is_refused() {
    for content in ["", "not PEM at all\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        assert_eq!(refused_key(&json!({ "host": "ldaps://x", "ca_file": file.path() })), "ca_file", "{content:?}");
    }
}

#[test]
fn unverified_tls_is_warned_of_and_verified_tls_is_not() {
    assert_eq!(
        parse(json!({ "host": "ldaps://x", "no_tls_verify": true })).unwrap().tls_warning(),
        Some(TlsWarning::Unverified)
    );
    assert_eq!(
        parse(json!({ "start_tls": true, "no_tls_verify": true })).unwrap().tls_warning(),
        Some(TlsWarning::Unverified)
    );
    assert_eq!(parse(json!({ "host": "ldaps://x" })).unwrap().tls_warning(), None);
    assert_eq!(parse(json!({ "start_tls": true })).unwrap().tls_warning(), None);
}

#[test]
fn an_attribute_is_asked_for_once_by_whichever_of_its_names() {
    let plan = plan(json!({ "username_attribute": ["commonName", "userid", "uid"] }));
    let wanted = &plan.user_attributes;
    assert!(wanted.contains(&"commonName".to_owned()) && wanted.contains(&"userid".to_owned()), "{wanted:?}");
    assert!(!wanted.contains(&"cn".to_owned()) && !wanted.contains(&"uid".to_owned()), "{wanted:?}");
}

#[test]
fn a_listing_asks_for_what_it_shows_and_for_no_groups() {
    let plan = plan_for(Kind::OpenLdap, json!({ "groups": "member_of" }));
    let listed: Vec<_> = plan.listed_attributes.iter().map(String::as_str).collect();
    for attribute in ["uid", "entryUUID", "displayName", "mail", "telephoneNumber", "pwdAccountLockedTime"] {
        assert!(listed.contains(&attribute), "{attribute}");
    }
    for attribute in ["givenName", "sn", "memberOf"] {
        assert!(plan.user_attributes.iter().any(|asked| asked == attribute), "{attribute}");
        assert!(!listed.contains(&attribute), "{attribute}");
    }
}

#[test]
fn active_directorys_names_are_taken_for_the_service_account() {
    for name in ["cn=admin,dc=x", "reader@corp.example.com", r"CORP\reader"] {
        assert!(parse(json!({ "bind_dn": name, "bind_password": "hunter2" })).is_ok(), "{name}");
    }
}

#[test]
fn an_entry_outside_of_base_and_scope_is_known() {
    let in_scope =
        |scope: &str, dn: &str| plan(json!({ "base_dn": "dc=x", "scope": scope })).is_in_scope(&Dn::parse(dn).unwrap());
    assert!(in_scope("one", "uid=a,dc=x") && !in_scope("one", "uid=a,ou=b,dc=x") && !in_scope("one", "dc=x"));
    assert!(in_scope("sub", "uid=a,dc=x") && in_scope("sub", "uid=a,ou=b,dc=x") && in_scope("sub", "dc=x"));
    assert!(!in_scope("one", "uid=a,dc=y") && !in_scope("sub", "uid=a,dc=y"));
}

#[test]
fn what_the_administrator_has_set_wins_over_what_suits_the_directory() {
    let attributes = |plan: &Plan| plan.names.attributes().iter().map(ToString::to_string).collect::<Vec<_>>();
    let by_itself = plan_for(Kind::Samba, json!({}));
    assert_eq!(attributes(&by_itself), ["sAMAccountName", "userPrincipalName"]);
    assert_eq!(by_itself.scope, Scope::Sub);
    assert!(by_itself.filter_text.contains("objectCategory=person"));
    assert_eq!(by_itself.subject.attributes().map(ToString::to_string).collect::<Vec<_>>(), ["objectGUID"]);
    assert_eq!(by_itself.naming_context().as_str(), "dc=example,dc=com");
    let changes = json!({
        "username_attribute": "mail",
        "scope": "one",
        "filter": "(title=guest)",
        "subject_attribute": "employeeNumber",
    });
    let overruled = plan_for(Kind::Samba, changes);
    assert_eq!(attributes(&overruled), ["mail"]);
    assert_eq!(overruled.scope, Scope::One);
    let anybody = EncodedFilter::all(&[EncodedFilter::equals("title", b"guest"), EncodedFilter::has("mail")]);
    assert_eq!(overruled.user_filter.for_anybody(), anybody);
    assert!(overruled.user_attributes.contains(&"employeeNumber".to_owned()));
    assert!(!overruled.user_attributes.contains(&"objectGUID".to_owned()));
}

#[test]
fn groups_are_asked_for_only_if_somebody_wants_them() {
    for (changes, wanted) in [
        (json!({}), false),
        (json!({ "groups": "none" }), false),
        (json!({ "groups": "auto" }), true),
        (json!({ "groups": "search" }), true),
        (json!({ "required_groups": "cn=a,dc=x" }), true),
        (json!({ "denied_groups": ["cn=a,dc=x", "cn=b,dc=x"] }), true),
    ] {
        assert_eq!(plan(changes.clone()).groups.is_some(), wanted, "{changes}");
    }
}

#[test]
fn unknown_keys_and_wrong_types_do_not_deserialise() {
    let base = json!({ "host": "x", "base_dn": "dc=x" });
    for (key, value) in [
        ("hsot", json!("x")),
        ("port", json!("389")),
        ("port", json!(70000)),
        ("scope", json!("base")),
        ("start_tls", json!("yes")),
        ("username_attribute", json!(7)),
        ("username_attribute", json!([7])),
        ("timeout", json!(8)),
        ("bind_password", json!(12345)),
    ] {
        let mut settings = base.clone();
        settings[key] = value;
        let error = serde_json::from_value::<Settings>(settings).unwrap_err().to_string();
        assert!(!error.contains("12345"), "{error}");
    }
}

#[test]
fn the_schema_describes_every_setting_and_marks_the_secret() {
    let schema = schemars::schema_for!(Settings).to_value();
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 30);
    for (key, property) in properties {
        assert!(property["description"].as_str().is_some_and(|text| text.len() > 10), "{key} has no description");
        assert_eq!(property.get("writeOnly") == Some(&json!(true)), key == "bind_password", "{key}");
    }
    assert_eq!(schema["additionalProperties"], json!(false));
    assert_eq!(properties["directory"]["default"], json!("auto"));
    assert_eq!(properties["password_expiry_warning"]["default"], json!("14d"));
    assert_eq!(properties["port"]["minimum"], json!(1));
}

#[test]
fn what_is_worked_out_ahead_is_used_for_no_other_directory() {
    let kind = |changes: Value| Plan::likely(&parse(changes).unwrap()).kind;
    let account = |name: &str| json!({ "bind_dn": name, "bind_password": "hunter2" });
    assert_eq!(kind(json!({})), Kind::OpenLdap);
    assert_eq!(kind(account("cn=admin,dc=x")), Kind::OpenLdap);
    assert_eq!(kind(account("reader@corp.example.com")), Kind::ActiveDirectory);
    assert_eq!(kind(json!({ "directory": "389ds" })), Kind::Dirsrv389);

    let config = parse(json!({})).unwrap();
    let likely = Plan::likely(&config);
    let contexts = |attributes: &[(&str, &[&[u8]])]| {
        Contexts::of(&config.base_dn, Some(&RootDse::read(&Entry::of("", attributes))))
    };
    let usual = contexts(&[("namingContexts", &[b"DC=Example, DC=com"])]);
    assert!(likely.is_for(Kind::OpenLdap, &usual) && !likely.is_for(Kind::Other, &usual));
    assert!(likely.is_for(Kind::OpenLdap, &contexts(&[])), "then it is taken from the base DN");
    let configuration = |of: &'static [u8]| contexts(&[("configurationNamingContext", &[of])]);
    let only_domain = configuration(b"CN=Configuration,DC=example,DC=com");
    let active_directory = Plan::likely(&parse(account("reader@corp.example.com")).unwrap());
    assert!(active_directory.is_for(Kind::ActiveDirectory, &only_domain), "the only domain of its forest");
    assert!(!active_directory.is_for(Kind::Samba, &only_domain));
    for others in [
        contexts(&[("namingContexts", &[b"dc=com"])]),
        contexts(&[("namingContexts", &[b"ou=people,dc=example,dc=com"])]),
        configuration(b"CN=Configuration,DC=com"),
    ] {
        assert!(!likely.is_for(Kind::OpenLdap, &others), "{others:?}");
        assert!(Plan::new(&config, Kind::OpenLdap, others.clone()).is_for(Kind::OpenLdap, &others));
    }
}

#[test]
fn how_a_server_spells_its_contexts_changes_nothing() {
    let config = parse(json!({ "groups": "auto" })).unwrap();
    let contexts: [&[u8]; 2] = [b"DC=Example,DC=COM", b"dc=example, dc=com"];
    for kind in Kind::ALL {
        let [one, other] = contexts.map(|context| {
            let root_dse = RootDse::read(&Entry::of("", &[("namingContexts", &[context])]));
            Plan::new(&config, kind, Contexts::of(&config.base_dn, Some(&root_dse)))
        });
        assert!(one.is_for(kind, &other.contexts));
        assert_eq!(one.user_attributes, other.user_attributes, "{kind}");
        assert_eq!(one.listed_attributes, other.listed_attributes, "{kind}");
        assert_eq!(one.filter_text, other.filter_text, "{kind}");
        assert_eq!(one.naming_context().dns_name(), other.naming_context().dns_name(), "{kind}");
        let meant = |plan: &Plan| format!("{:?}", plan.names.meaning("reader@example.com"));
        assert_eq!(meant(&one), meant(&other), "{kind}");
    }
}
