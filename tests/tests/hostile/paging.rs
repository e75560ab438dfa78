//! Pages that lead nowhere.

use tests::hostile::directory::{ALICE, BASE};
use tests::hostile::host::Answer;
use tests::hostile::record::Record;
use tests::hostile::script::{Asked, Script, Step};
use tests::hostile::wire::{answer, ber};

use crate::scenario::{Scenario, send};

/// How many users the provider asks for at a time.
const PAGE: usize = 250;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![same_cookie(), broken_pages()]
}

fn same_cookie() -> Scenario {
    let again = |asked: Asked| send([ALICE.entry(asked.id), answer::page_done(asked.id, 0, b"again")].concat());
    let empty = |asked: Asked| send(answer::page_done(asked.id, 0, b"again"));
    let at_most_two_repeats = |record: &Record, _: &_| {
        if record.user_searches() <= 3 { Ok(()) } else { Err(format!("{} pages", record.user_searches())) }
    };
    Scenario::new("h15_the_same_cookie_for_ever", "a page that comes again ends the listing as incomplete")
        .list("with a user", Script::at(Step::Listing, again), &["incomplete/cookie_repeated"])
        .list("without any", Script::at(Step::Listing, empty), &["incomplete/cookie_repeated"])
        .validate("with a user", Script::at(Step::Listing, again), &["warned/cookie_repeated"])
        .always(at_most_two_repeats)
        .login("where there are no pages", Script::at(Step::UserSearch, again), &["accepted"])
}

fn broken_pages() -> Scenario {
    let page = |asked: &Asked, users: usize, end: Vec<u8>| {
        let first = asked.nth * PAGE;
        let entry = |number: usize| {
            let dn = format!("uid=u{number},ou=people,{BASE}");
            answer::entry(asked.id, dn, &ALICE.attributes())
        };
        let entries: Vec<u8> = (first..first + users).flat_map(entry).collect();
        send([entries, end].concat())
    };
    let second = move |end: fn(i64) -> Vec<u8>| {
        Script::at(Step::Listing, move |asked: Asked| match asked.nth {
            0 => page(&asked, PAGE, answer::page_done(asked.id, 0, b"more")),
            _ => page(&asked, 1, end(asked.id)),
        })
    };
    let control = |value: &'static [u8]| {
        Script::at(Step::Listing, move |asked: Asked| {
            let control = answer::control(b"1.2.840.113556.1.4.319", false, Some(value));
            page(&asked, 1, answer::message(asked.id, 0x65, &answer::result(0, b"", b""), Some(&control)))
        })
    };
    let overfull =
        Script::at(Step::Listing, move |asked: Asked| page(&asked, PAGE + 1, answer::page_done(asked.id, 0, b"more")));
    let first_page_was_listed = |_: &Record, answer: &Answer| {
        if answer.users >= PAGE { Ok(()) } else { Err(format!("{} users", answer.users)) }
    };
    Scenario::new("h15_broken_pages", "a listing cut short says so, with what came before")
        .list("no control in the middle", second(|id| answer::done(id, 0)), &["incomplete/protocol_violation"])
        .also(first_page_was_listed)
        .list("an error in the middle", second(|id| answer::done(id, 80)), &["incomplete/server_error"])
        .also(first_page_was_listed)
        .list("a size limit in the middle", second(|id| answer::done(id, 4)), &["incomplete/size_limit"])
        .also(first_page_was_listed)
        .list("more users than a page may hold", overfull, &["incomplete/protocol_violation"])
        .list("no cookie in the control", control(&[0x30, 3, 2, 1, 0]), &["incomplete/protocol_violation"])
        .list("a control of another form", control(b"more"), &["incomplete/protocol_violation"])
        .list("an empty control", control(b""), &["incomplete/protocol_violation"])
        .list(
            "two controls",
            Script::at(Step::Listing, move |mut asked: Asked| {
                asked.nth = 0;
                let controls = [answer::page(b"one"), answer::page(b"two")].concat();
                page(&asked, 1, answer::message(asked.id, 0x65, &answer::result(0, b"", b""), Some(&controls)))
            }),
            // One of the two counts, and comes again with the next page.
            &["incomplete/cookie_repeated"],
        )
        .list(
            "a cookie of 1 MiB for ever",
            Script::at(Step::Listing, move |mut asked: Asked| {
                asked.nth = 0;
                page(&asked, 1, answer::page_done(asked.id, 0, &vec![b'x'; 1 << 20]))
            }),
            // A result of that size is refused before anybody looks for a cookie.
            &["incomplete/protocol_violation"],
        )
        .validate("an error in the middle", second(|id| answer::done(id, 80)), &["invalid/server_error"])
        .login(
            "a control in a search",
            Script::at(Step::UserSearch, |asked| {
                let control = answer::control(b"1.2.840.113556.1.4.319", true, Some(&ber::element(4, b"x")));
                let end = answer::message(asked.id, 0x65, &answer::result(0, b"", b""), Some(&control));
                send([ALICE.entry(asked.id), end].concat())
            }),
            &["accepted"],
        )
}
