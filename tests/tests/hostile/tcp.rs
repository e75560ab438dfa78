//! Connections that come in pieces, stall, or end.

use std::time::Duration;

use tests::hostile::host::Answer;
use tests::hostile::record::Record;
use tests::hostile::script::{Act, Asked, Script, Step};
use tests::hostile::transport::Transport;

use crate::scenario::Scenario;

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![pieces(), ends(), after_the_bind(), drips(), drips_of_tls(), stalls()]
}

fn pieces() -> Scenario {
    let octets = Script::at_answers(|asked| vec![Act::Drip(asked.messages.concat(), Duration::ZERO)]);
    let messages = Script::at_answers(|asked| {
        let pause = || Act::Pause(Duration::from_millis(20));
        asked.messages.into_iter().flat_map(|message| [Act::Send(message), pause()]).collect()
    });
    Scenario::new("h34_pieces", "how a stream is cut into segments means nothing")
        .harmless("an octet at a time", octets)
        .harmless("a message at a time", messages)
        .harmless("all at once", Script::honest())
}

fn ends() -> Scenario {
    let half = |asked: &Asked| {
        let octets = asked.messages.concat();
        Act::Send(octets[..octets.len() - 5].to_vec())
    };
    let pause = || Act::Pause(Duration::from_millis(50));
    let lost = &["connection_lost"];
    Scenario::new("h34_ends", "a connection that ends within an answer was lost")
        .everywhere("FIN instead of an answer", lost, |_| vec![Act::Close])
        .everywhere("RST instead of an answer", lost, |_| vec![Act::Reset])
        .everywhere("FIN after half of a message", lost, move |asked| vec![half(&asked), Act::Close])
        .everywhere("RST after half of a message", lost, move |asked| vec![half(&asked), pause(), Act::Reset])
        .everything("FIN at once", Script::at(Step::Greeting, |_| vec![Act::Close]), lost)
        // It may come before the client knows that it is connected.
        .everything(
            "RST at once",
            Script::at(Step::Greeting, |_| vec![Act::Reset]),
            &["connection_lost", "connect_failed"],
        )
}

fn after_the_bind() -> Scenario {
    let one_bind = |record: &Record, _: &Answer| match record.user_binds() {
        1 => Ok(()),
        binds => Err(format!("{binds} binds as the user")),
    };
    let at = |act: fn() -> Act| Script::at(Step::UserBind, move |_| vec![act()]);
    Scenario::new("r01_gone_after_the_bind", "a password that may have been seen is not sent again")
        .login("silence", at(|| Act::Silence), &["unavailable/timeout"])
        .waiting()
        // These are seen at once.
        .login("FIN", at(|| Act::Close), &["unavailable/connection_lost"])
        .login("RST", at(|| Act::Reset), &["unavailable/connection_lost"])
        .always(one_bind)
}

fn drips() -> Scenario {
    Scenario::new("r09_drips", "the deadline is one for the whole answer, and not for each octet")
        .everywhere("10 octets a second", &["timeout"], |asked| {
            vec![Act::Drip(asked.messages.concat(), Duration::from_millis(100)), Act::Silence]
        })
        .waiting()
}

fn drips_of_tls() -> Scenario {
    let pause = Duration::from_millis(20);
    let script = Script::at(Step::StartTls, move |asked| vec![Act::Send(asked.last()), Act::SecureByDrips(pause)])
        .and_at(Step::Connect, move |asked| {
            // Only LDAPS has a handshake here.
            if asked.honestly().is_empty() { Vec::new() } else { vec![Act::SecureByDrips(pause)] }
        });
    Scenario::new("r09_drips_of_tls", "the deadline is one for the whole handshake")
        .over(&Transport::SECURE)
        .everything("50 octets a second", script, &["timeout"])
        .waiting()
}

fn stalls() -> Scenario {
    // Requests are far smaller than what the system buffers: a client gets rid of them though nobody reads them, and it
    // is the answer that it waits for in vain.
    Scenario::new("r10_stalls", "a connection on which nothing moves is given up in time")
        .everything("accepted, and then silence", Script::at(Step::Connect, |_| vec![Act::Silence]), &["timeout"])
        .everything("accepted, and never read from", Script::at(Step::Connect, |_| vec![Act::Freeze]), &["timeout"])
        .at_searches("not read from any more", &["timeout"], |_| vec![Act::Freeze])
        .waiting()
}
