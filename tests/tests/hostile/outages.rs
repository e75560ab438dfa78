//! Servers that are down, fall silent and come back.
//!
//! Every operation makes its own connections at present: there is no pool yet. What r04 and r11 prove now is that
//! nothing of an operation outlives it that connections of earlier ones could trouble; they are there for the pool.

use std::time::Duration;

use serde_json::json;
use tests::hostile::directory::ALICE;
use tests::hostile::host::Question;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::server::{HostileServer, Reserved};
use tests::hostile::wire::answer;

use crate::play::{Stand, login};
use crate::scenario::{Operation, SHORT, Scenario};

/// What `good` asks for.
const ALL: &[Operation] = &[Operation::Login, Operation::Validate, Operation::List];

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![forgotten(), silent_for_many(), refused(), down_at_first(), reset_between()]
}

fn forgotten() -> Scenario {
    Scenario::new("r04_forgotten_connections", "connections that stand still between two logins trouble nobody").own(
        ALL,
        |stand| {
            Box::pin(async move {
                let server = HostileServer::start(&stand.certificates, stand.transport, Script::honest());
                stand.expect(&Question::Configure(server.settings()), "configured").await?;
                for _ in 0..3 {
                    stand.expect_within(FORGOTTEN, &login(), "accepted").await?;
                    stand.expect(&Question::Validate, "valid").await?;
                    stand.expect(&Question::List, "complete").await?;
                    server.freeze_connections();
                }
                server.finish(3).await?;
                server.end(stand.logins).await
            })
        },
    )
}

/// How long a login may take whose connections were forgotten: one that was used a moment ago is believed in for as long
/// as a search may take, 5 s of 8, and machines are slow.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// How many logins are made at a server that is silent. Each may need several files, and some systems let a process
/// have 1,024.
const MANY: usize = 200;

fn silent_for_many() -> Scenario {
    Scenario::new("r05_silent_for_many", "many logins at a server that is silent all end by their deadline").own(
        &[Operation::Login],
        |stand| {
            Box::pin(async move {
                let script = Script::at(Step::Connect, |_| vec![Act::Silence]);
                let server = HostileServer::start(&stand.certificates, stand.transport, script);
                let mut settings = server.settings();
                settings["timeout"] = json!(format!("{}s", SHORT.as_secs()));
                stand.expect(&Question::Configure(settings), "configured").await?;
                let person = [ALICE.uid, ALICE.password, ALICE.uuid].map(ToOwned::to_owned).into();
                let question = Question::Pairs { people: vec![person], pairs: MANY, at_once: MANY };
                let answer = stand.ask_for_many(&question, Duration::from_secs(10)).await?;
                let unanswered = answer.outcomes.get("unavailable/timeout").copied().unwrap_or_default();
                // On a busy machine, some do not even come to be connected in time.
                let unavailable = answer.outcomes.keys().all(|outcome| outcome.starts_with("unavailable/"));
                if unanswered < MANY / 2 || !unavailable {
                    return Err(format!("{answer:?}"));
                }
                server.finish(MANY).await?;
                server.disarm();
                stand.good_login(true).await?;
                server.end(stand.logins).await
            })
        },
    )
}

/// How long it may take to find out that nobody listens: no time at all, but for slow machines.
const AT_ONCE: Duration = Duration::from_secs(2);

fn refused() -> Scenario {
    Scenario::new("r06_refused", "a server that is down is told at once").own(ALL, |stand| {
        Box::pin(async move {
            let port = Reserved::port(&stand.certificates, stand.transport);
            stand.expect(&Question::Configure(port.settings()), "configured").await?;
            stand.expect_within(AT_ONCE, &login(), "unavailable/connect_failed").await?;
            stand.expect_within(AT_ONCE, &Question::Validate, "invalid/connect_failed").await?;
            stand.expect_within(AT_ONCE, &Question::List, "incomplete/connect_failed").await
        })
    })
}

fn down_at_first() -> Scenario {
    Scenario::new("r08_down_at_first", "a server that comes later needs no new settings").own(ALL, |stand| {
        Box::pin(async move {
            let port = Reserved::port(&stand.certificates, stand.transport);
            stand.expect(&Question::Configure(port.settings()), "configured").await?;
            stand.expect(&login(), "unavailable/connect_failed").await?;
            let server = port.listen(Script::honest());
            good(stand).await?;
            server.finish(1).await?;
            server.end(stand.logins).await
        })
    })
}

fn reset_between() -> Scenario {
    let between_pages = Script::at(Step::Listing, |asked: Asked| match asked.nth {
        0 => vec![Act::Send(asked.messages[0].clone()), Act::Send(answer::page_done(asked.id, 0, b"more"))],
        _ => vec![Act::Reset],
    });
    Scenario::new("r11_reset_between_requests", "a connection that was lost between two logins troubles nobody")
        .list("between pages", between_pages, &["incomplete/connection_lost"])
        .also(|_, answer| if answer.users == 1 { Ok(()) } else { Err("the first page was listed".to_owned()) })
        .own(ALL, |stand| {
            Box::pin(async move {
                let server = HostileServer::start(&stand.certificates, stand.transport, Script::honest());
                stand.expect(&Question::Configure(server.settings()), "configured").await?;
                for _ in 0..3 {
                    good(stand).await?;
                    server.reset_connections();
                }
                server.finish(3).await?;
                server.end(stand.logins).await
            })
        })
}

/// Everything works.
async fn good(stand: &mut Stand) -> Result<(), String> {
    stand.expect(&login(), "accepted").await?;
    stand.expect(&Question::Validate, "valid").await?;
    stand.expect(&Question::List, "complete").await
}
