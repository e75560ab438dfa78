//! Sound answers to a search that no honest server gives.

use std::time::Duration;

use tests::hostile::directory::{ALICE, Attribute, BASE, BOB, SERVICE_DN};
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::wire::{answer, ber};

use crate::scenario::{Scenario, VIOLATION, flood, send};

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        endless(),
        slow(),
        many_values(),
        huge_attribute(),
        costly(),
        many_attributes(),
        two_ids(),
        two_ends(),
        end_first(),
        entries_behind_the_end(),
        many_references(),
        strangers(),
    ]
}

fn somebody(id: i64, number: usize, filling: usize) -> Vec<u8> {
    let mut attributes = ALICE.attributes();
    attributes.push(("description", vec![vec![b'x'; filling]]));
    answer::entry(id, format!("uid=u{number},ou=people,{BASE}"), &attributes)
}

fn endless() -> Scenario {
    let entries = |filling| move |asked: Asked| flood((0..).map(move |number| somebody(asked.id, number, filling)));
    Scenario::new("h13_endless_entries", "a search that does not end is ended by its budget")
        .login("for one user", Script::at(Step::UserSearch, entries(0)), AMBIGUOUS)
        .login("for one user, large", Script::at(Step::UserSearch, entries(16 << 10)), AMBIGUOUS)
        .validate("for the base", Script::at(Step::BaseRead, entries(0)), &["invalid/protocol_violation"])
        .validate("for the base, large", Script::at(Step::BaseRead, entries(32 << 10)), &["invalid/protocol_violation"])
        .list("for all users", Script::at(Step::Listing, entries(32 << 10)), &["incomplete/protocol_violation"])
}

fn slow() -> Scenario {
    let pause = Duration::from_millis(100);
    // Entries would tell a login that the name is ambiguous; hints at other servers tell it nothing.
    let references = move |asked: Asked| {
        let one = move |_| [Act::Send(answer::reference(asked.id, &["ldap://localhost/"])), Act::Pause(pause)];
        (0..600).flat_map(one).collect()
    };
    let entries = move |asked: Asked| {
        let one = move |number| [Act::Send(somebody(asked.id, number, 0)), Act::Pause(pause)];
        (0..600).flat_map(one).collect()
    };
    Scenario::new("h14_an_entry_now_and_then", "the deadline is one for the whole, and not for each entry")
        .at_searches("references", &["timeout"], references)
        // The base has one entry, and a second one ends the search.
        .validate("entries", Script::at(Step::Listing, entries), &["invalid/timeout"])
        .list("entries", Script::at(Step::Listing, entries), &["incomplete/timeout"])
        .waiting()
}

/// An entry of Alice with more attributes.
fn with(attributes: impl Fn() -> Vec<(String, Vec<Vec<u8>>)> + Clone + Send + Sync + 'static) -> Script {
    let lie = move |asked: Asked| {
        let mut all: Vec<_> = ALICE.attributes().into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        all.extend(attributes());
        send([answer::entry(asked.id, ALICE.dn(), &all), asked.last()].concat())
    };
    Script::at(Step::UserSearch, lie.clone()).and_at(Step::Listing, lie)
}

fn many_values() -> Scenario {
    let values = || (0..10_000).map(|number| format!("a{number}@example.com").into_bytes()).collect();
    Scenario::new("h21_attribute_of_10000_values", "many values are nothing wrong")
        .harmless("of an attribute that is asked for", with(move || vec![("telephoneNumber".to_owned(), values())]))
        .harmless("of another", with(move || vec![("description".to_owned(), values())]))
}

/// The largest messages that are taken, and those that cost a library the most for their size.
fn costly() -> Scenario {
    let large = |octets: usize, count: usize| {
        move |asked: Asked| {
            let end = asked.last();
            flood((0..count).map(move |number| somebody(asked.id, number, octets - 1_000)).chain([end]))
        }
    };
    let empty = |count: usize| {
        move |asked: Asked| {
            let end = asked.last();
            let entry = move |number| {
                let values = vec![Vec::new(); 49_000];
                answer::entry(asked.id, format!("uid=u{number},ou=people,{BASE}"), &[("description", values)])
            };
            flood((0..count).map(entry).chain([end]))
        }
    };
    let largest = with(|| vec![("description".to_owned(), vec![vec![b'x'; (1 << 20) - 1_000]])]);
    let richest = with(|| vec![("description".to_owned(), vec![Vec::new(); 16_000])]);
    // No message of a listing may be larger than 1 MiB, or have more elements than a message of that size needs: four
    // copies of 4 MiB, which a library makes on the way, could not stay below 16 MiB.
    let refused = &["incomplete/protocol_violation"];
    Scenario::new("h22_costly_messages", "whatever is taken takes no more memory than there is for a connection")
        .apart()
        .harmless("almost 1 MiB", largest)
        .harmless("16,000 empty values", richest)
        .login("almost 1 MiB, again and again", Script::at(Step::UserSearch, large(1 << 20, 20)), AMBIGUOUS)
        .login(
            "49,000 empty values, again and again",
            Script::at(Step::UserSearch, empty(12)),
            &["unavailable/protocol_violation"],
        )
        .list("almost 1 MiB, again and again", Script::at(Step::Listing, large(1 << 20, 40)), &["complete"])
        .list("almost 4 MiB, again and again", Script::at(Step::Listing, large(4 << 20, 12)), refused)
        .list("49,000 empty values, again and again", Script::at(Step::Listing, empty(12)), refused)
}

/// The second entry tells a login that the name is ambiguous, and one soon after it that the server goes too far. Both
/// are right, and which comes first is a matter of how the octets come in.
const AMBIGUOUS: &[&str] = &["rejected/ambiguous_user", "unavailable/protocol_violation"];

fn refused(scenario: Scenario, what: &str, script: &Script) -> Scenario {
    scenario
        .login(what, script.clone(), &["unavailable/protocol_violation"])
        .validate(what, script.clone(), &["invalid/protocol_violation"])
        .list(what, script.clone(), &["incomplete/protocol_violation"])
}

fn huge_attribute() -> Scenario {
    let scenario = Scenario::new("h22_attribute_of_16_mib", "an entry that is too large is refused");
    let script = with(|| vec![("description".to_owned(), vec![vec![0; 16 << 20]])]);
    refused(scenario, "one value", &script)
}

fn many_attributes() -> Scenario {
    let scenario = Scenario::new("h23_entry_of_100000_attributes", "an entry of too many elements is refused");
    let script = with(|| (0..100_000).map(|number| (format!("a{number}"), Vec::new())).collect());
    refused(scenario, "without values", &script)
}

fn two_ids() -> Scenario {
    let script = with(|| vec![("entryUUID".to_owned(), vec![BOB.uuid.as_bytes().to_vec()])]);
    let uppercase = with(|| vec![("ENTRYUUID".to_owned(), vec![BOB.uuid.as_bytes().to_vec()])]);
    let mut scenario = Scenario::new("h24_the_id_twice", "an entry with two ids identifies nobody");
    for (what, script) in [("the same name", script), ("in another case", uppercase)] {
        scenario = scenario
            .login(what, script.clone(), &["rejected/no_stable_id"])
            .validate(what, script.clone(), &["warned/no_stable_id"])
            .list(what, script, &["complete"])
            .also(|_, answer| if answer.refused == 1 { Ok(()) } else { Err("one is refused".to_owned()) });
    }
    scenario
}

fn two_ends() -> Scenario {
    let lie = |code| {
        move |asked: Asked| {
            let second = answer::done(asked.id, code);
            send([asked.messages.concat(), second].concat())
        }
    };
    Scenario::new("h25_two_ends_of_a_search", "what the first end of a search says counts")
        .login("0 and 0", Script::at(Step::UserSearch, lie(0)), &["accepted"])
        .login("0 and 80", Script::at(Step::UserSearch, lie(80)), &["accepted"])
        .list("0 and 80", Script::at(Step::Listing, lie(80)), &["complete"])
        .validate("0 and 80", Script::at(Step::Listing, lie(80)), &["valid"])
        // The connection goes on after this search, and the second end is an answer to no request.
        .validate("of the base", Script::at(Step::BaseRead, lie(0)), &["invalid/protocol_violation"])
}

fn end_first() -> Scenario {
    let lie = |asked: Asked| send([asked.last(), asked.messages.concat()].concat());
    // The end alone is a whole and sound answer, and the connection's last: what follows it belongs to nothing, but
    // nobody waits for it, and to find nobody lets nobody in.
    Scenario::new("h26_end_before_the_entries", "what comes after the end was not found")
        .login("the search", Script::at(Step::UserSearch, lie), &["rejected/unknown_user"])
        .list("the listing", Script::at(Step::Listing, lie), &["complete"])
        .also(|_, answer| if answer.users == 0 { Ok(()) } else { Err("nobody was listed".to_owned()) })
        .validate("the listing", Script::at(Step::Listing, lie), &["warned/no_users"])
}

fn entries_behind_the_end() -> Scenario {
    let lie = |asked: Asked| send([asked.messages.concat(), somebody(asked.id, 1, 0)].concat());
    Scenario::new("h27_entries_behind_the_end", "what the end of a search says counts, whatever follows")
        .login("the search", Script::at(Step::UserSearch, lie), &["accepted"])
        .list("the listing", Script::at(Step::Listing, lie), &["complete"])
        .also(|_, answer| if answer.users == 2 { Ok(()) } else { Err("two were listed".to_owned()) })
        .validate("the listing", Script::at(Step::Listing, lie), &["valid"])
}

fn many_references() -> Scenario {
    let uris = || vec!["ldap://elsewhere.example.com/"; 100_000];
    let one = |asked: Asked| flood((0..).map(move |_| answer::reference(asked.id, &["ldap://elsewhere.example.com/"])));
    Scenario::new("h32_heaps_of_references", "references to other servers are not followed, and too many are refused")
        .at_searches("100,000 in one", VIOLATION, move |asked| send(answer::reference(asked.id, &uris())))
        .at_searches("one after the other", VIOLATION, one)
        .everywhere("100,000 in a result", VIOLATION, move |asked| {
            let operation = asked.last_operation();
            let uris = ber::element(4, b"ldap://elsewhere.example.com/").repeat(100_000);
            let result = [answer::result(10, b"", b""), ber::element(0xa3, &uris)].concat();
            send(answer::message(asked.id, operation, &result, None))
        })
}

fn strangers() -> Scenario {
    let found = |dn: String, attributes: fn() -> Vec<Attribute>| {
        move |asked: Asked| send([answer::entry(asked.id, &dn, &attributes()), asked.last()].concat())
    };
    let outside = found("uid=alice,ou=people,dc=example,dc=org".to_owned(), || ALICE.attributes());
    let reader = found(SERVICE_DN.to_owned(), || {
        [("uid", "reader"), ("cn", "reader"), ("entryUUID", BOB.uuid)]
            .map(|(name, value)| (name, vec![value.as_bytes().to_vec()]))
            .into()
    });
    Scenario::new("h39_an_entry_that_was_not_searched_for", "an entry of another place or name is not the person's")
        .login(
            "outside of the base",
            Script::at(Step::UserSearch, outside.clone()),
            &["unavailable/protocol_violation"],
        )
        .list("outside of the base", Script::at(Step::Listing, outside.clone()), &["incomplete/protocol_violation"])
        .validate("outside of the base", Script::at(Step::Listing, outside), &["invalid/protocol_violation"])
        .login(
            "the base",
            Script::at(Step::UserSearch, found(BASE.to_owned(), || ALICE.attributes())),
            // It is in scope and has the name, so all depends on its own password.
            &["rejected/invalid_credentials"],
        )
        .login("the service account's", Script::at(Step::UserSearch, reader), &["rejected/name_mismatch"])
        .login(
            "somebody else's",
            Script::at(Step::UserSearch, found(BOB.dn(), || BOB.attributes())),
            &["rejected/name_mismatch"],
        )
        .login(
            "the root's",
            Script::at(Step::UserSearch, found(String::new(), || ALICE.attributes())),
            &["unavailable/protocol_violation"],
        )
}
