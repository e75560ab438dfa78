use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::author::UserCursor as _;
use provider_api::{Deadline, Fault, ListRequest, ListingEnd, RequestContext, Stage, UserPage, ValidationReport};
use wire_guard::{Connection, Limits};

use crate::directory::{Detection, Directory, Server, ServiceConnection, Steps};
use crate::filter::SearchFilter;
use crate::groups::{GroupPlan, is_security_group};
use crate::kind::Kind;
use crate::listing::Listing;
use crate::plan::Plan;
use crate::search;

/// The stages that need the network, in their order.
const NETWORK_STAGES: [&str; 8] = ["resolve", "connect", "tls", "service_bind", "directory", "base", GROUPS, "users"];

/// The stage that is there only if somebody asks for groups.
const GROUPS: &str = "groups";

/// The stage in which the servers are told of that the others do not tell of.
const OTHER_SERVERS: &str = "other_servers";

/// How many users are counted at most.
const SAMPLE: usize = 1_000;

/// Tries the settings against the directory, in the order in which a login depends on them. Of several servers, the
/// first that passes is told of stage by stage, and what is wrong with the others in one stage: logins do without them.
pub(crate) async fn validate(directory: &Directory, context: &RequestContext) -> ValidationReport {
    let whole = context.deadline.at_most(context.deadline.remaining().mul_f32(REPORT_SHARE));
    let mut stages = vec![tls_policy(directory)];
    let mut broken = Vec::new();
    let mut told = None;
    let mut others = directory.servers().iter();
    for server in others.by_ref() {
        let mut found = Vec::new();
        match check(directory, server, context, whole, &mut found).await {
            Ok(plan) => {
                let clock = Clock::start("users");
                let users = if everybody_reads(directory) {
                    clock.finish(users(directory, server, plan, context, whole).await)
                } else {
                    Stage::skipped("users", ONLY_THEMSELVES)
                };
                found.push(users);
                told = Some(found);
                break;
            }
            Err(failed) => {
                broken.push((server, failed.clone()));
                found.push(failed);
                told.get_or_insert(found);
            }
        }
    }
    let works = told.as_ref().is_some_and(|found| found.iter().any(|stage| stage.id == "users"));
    stages.extend(told.unwrap_or_default());
    let asks_for_groups = directory.config.choices.groups.is_some();
    for id in NETWORK_STAGES.into_iter().filter(|id| asks_for_groups || *id != GROUPS) {
        if !stages.iter().any(|stage| stage.id == id) {
            stages.push(Stage::skipped(id, "not tried, because an earlier stage failed"));
        }
    }
    if directory.servers().len() > 1 {
        let clock = Clock::start(OTHER_SERVERS);
        if works {
            for server in others {
                let failed = check(directory, server, context, whole, &mut Vec::new()).await.err();
                broken.extend(failed.map(|failed| (server, failed)));
            }
        }
        stages.push(clock.finish(other_servers(directory, &broken)));
    }
    ValidationReport::new(stages)
}

/// The report has to be handed over before the caller's deadline: a part of the time is kept for that.
const REPORT_SHARE: f32 = 0.95;

fn other_servers(directory: &Directory, broken: &[(&Arc<Server>, Stage)]) -> Stage {
    let all = directory.servers().len();
    let Some((_, first)) = broken.first() else {
        return Stage::passed(OTHER_SERVERS, format!("all {all} servers can be used"));
    };
    let said: Vec<_> = broken
        .iter()
        .map(|(server, failed)| format!("{}: {}: {}", server.endpoint, failed.id, failed.detail))
        .collect();
    let code = first.code.clone().unwrap_or_default();
    let detail = format!("{} of {all} servers cannot be used: {}", broken.len(), said.join("; "));
    Stage::warned(OTHER_SERVERS, &code, detail)
        .advice("logins go on with the others, and wait for those in vain when all others are down")
}

fn tls_policy(directory: &Directory) -> Stage {
    const ID: &str = "tls_policy";
    match directory.config.tls_warning() {
        Some(warning) => Stage::warned(ID, warning.code(), warning.to_string()).advice(warning.advice()),
        None => Stage::passed(ID, "TLS, with the server's certificate and name checked"),
    }
}

/// Tries one server, up to the base DN. Pushes the stages that went well; the one that failed is the error.
async fn check(
    directory: &Directory,
    server: &Server,
    context: &RequestContext,
    whole: Deadline,
    stages: &mut Vec<Stage>,
) -> Result<Arc<Plan>, Stage> {
    let steps = steps(directory, context);
    let limit = |step: Duration| whole.at_most(step);

    let clock = Clock::start("resolve");
    let addresses = server.resolve(limit(steps.resolve)).await.map_err(|fault| clock.failed(&fault))?;
    let shown: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    stages.push(clock.passed(shown.join(", ")));

    let clock = Clock::start("connect");
    let tcp = server.connect(&addresses, limit(steps.connect)).await.map_err(|fault| clock.failed(&fault))?;
    stages.push(clock.passed(format!("connected to {}", server.endpoint)));

    let clock = Clock::start("tls");
    let secured = server.secure_anew(tcp, Limits::LISTING, limit(steps.connect)).await;
    let (connection, open) = secured.map_err(|fault| clock.failed(&fault))?;
    stages.push(clock.finish(tls(&connection)));

    let clock = Clock::start("service_bind");
    let bound = server.bind_service_anyway((connection, open), limit(steps.operation)).await;
    let (connection, open) = bound.map_err(|fault| clock.failed(&fault))?;
    let bound = if directory.config.is_anonymous() {
        "no bind_dn is set: searching as nobody"
    } else {
        "the service account is accepted"
    };
    stages.push(clock.passed(bound));

    let clock = Clock::start("directory");
    let (connection, root_dse) =
        server.root_dse(connection, limit(steps.operation)).await.map_err(|fault| clock.failed(&fault))?;
    let plan = directory.learn(&root_dse).map_err(|fault| clock.failed(&fault))?;
    stages.push(clock.finish(kind(&plan, Detection::kind_of(&root_dse), directory.config.kind.is_some())));

    let clock = Clock::start("base");
    let service = ServiceConnection::over(connection, open).await.map_err(|fault| clock.failed(&fault))?;
    if !everybody_reads(directory) {
        stages.push(Stage::skipped("base", ONLY_THEMSELVES));
        stages.extend(plan.groups.is_some().then(|| Stage::skipped(GROUPS, ONLY_THEMSELVES)));
        return Ok(plan);
    }
    let base = search::read_base(&service, &directory.config, limit(steps.operation)).await;
    base.map_err(|fault| clock.failed(&fault))?;
    stages.push(clock.passed(format!("{} is there", directory.config.base_dn)));

    if let Some(wanted) = &plan.groups {
        let clock = Clock::start(GROUPS);
        let groups = groups(directory, wanted, &service, limit(steps.operation)).await;
        stages.push(clock.finish(groups.map_err(|fault| clock.failed(&fault))?));
    }
    Ok(plan)
}

/// As long as a login gives each step, or as long as the caller has: of several servers, all get their turn.
fn steps(directory: &Directory, context: &RequestContext) -> Steps {
    Steps::of(directory.config.timeout.min(context.deadline.remaining()))
}

const ONLY_THEMSELVES: &str = "bind_template is set and bind_dn is not: nobody but users themselves searches";

/// Whether there is somebody to search for users, beside the users themselves.
fn everybody_reads(directory: &Directory) -> bool {
    directory.config.bind_template.is_none() || !directory.config.is_anonymous()
}

/// Which kind of directory it is, and what follows from that.
fn kind(plan: &Plan, detected: Option<Kind>, is_set: bool) -> Stage {
    const ID: &str = "directory";
    let what = format!("{}: {}", plan.kind, plan.consequences());
    match detected {
        Some(detected) if detected != plan.kind => {
            Stage::warned(ID, "directory_mismatch", format!("{what}; but this server says that it is {detected}"))
                .advice("set directory to what the servers are, or leave it out; all have to be of one kind")
        }
        None if !is_set => {
            Stage::warned(ID, "directory_unknown", format!("the server does not say what it is; {what}"))
                .advice("set directory, or let the service account read the root DSE")
        }
        _ => Stage::passed(ID, what),
    }
}

/// Whether the groups that decide over logins are there. One that is not keeps everybody out, or nobody.
async fn groups(
    directory: &Directory,
    groups: &GroupPlan,
    service: &ServiceConnection,
    deadline: Deadline,
) -> Result<Stage, Fault> {
    groups.usable()?;
    let mut doubts = Vec::new();
    let mut count = 0;
    for (dn, is_denied) in groups.deciding() {
        count += 1;
        let group = search::read_group(service, dn, SearchFilter::ANY_ENTRY, &directory.config, deadline).await?;
        let members =
            search::read_group(service, dn, SearchFilter::ANY_GROUP_WITH_MEMBERS, &directory.config, deadline).await?;
        let (doubt, is_certain) = match group {
            None => ("is not there, or cannot be seen", true),
            Some(group) if groups.finds_security_groups_alone() && !is_security_group(&group) => {
                ("is a distribution group, which tokenGroups does not have: set groups to in_chain", true)
            }
            // Those of whom it is the primary group do not show.
            Some(_) if !groups.finds_security_groups_alone() && members.is_none() => {
                ("has no members, or they cannot be seen", false)
            }
            Some(_) => continue,
        };
        if is_denied && is_certain {
            return Err(Fault::setting("denied_groups", format!("has {dn}, which {doubt}; it would deny nobody")));
        }
        doubts.push(format!("{dn} {doubt}"));
    }
    if doubts.is_empty() {
        return Ok(Stage::passed(GROUPS, format!("{groups}; required and denied groups: {count}")));
    }
    Ok(Stage::warned(GROUPS, "group_doubtful", doubts.join("; ")).advice(
        "check required_groups, denied_groups and what the service account may read: a required group without members lets \
            nobody in, and a denied one denies nobody",
    ))
}

fn tls(connection: &Connection) -> Stage {
    match connection.protection() {
        Some(protection) => Stage::passed("tls", protection),
        None => Stage::skipped("tls", "plain LDAP has no TLS"),
    }
}

/// Counts users as the listing finds them, over a connection as it has one, up to the sample.
async fn users(
    directory: &Directory,
    server: &Arc<Server>,
    plan: Arc<Plan>,
    context: &RequestContext,
    whole: Deadline,
) -> Stage {
    const ID: &str = "users";
    let connection = match server.for_listing(steps(directory, context), whole).await {
        Ok(connection) => connection,
        Err(fault) => {
            let mut stage = Stage::failed(ID, &fault).advice(advice(&fault));
            stage.detail = format!("a connection for listing, beside the one that works: {}", stage.detail);
            return stage;
        }
    };
    let mut listing = Listing::over(directory, plan, connection, &ListRequest::everybody()).only_on_demand();
    let mut page_context = context.clone();
    page_context.deadline = whole;
    let mut count = Count::default();
    let end = loop {
        match listing.next_page(&page_context).await {
            Ok(page) => {
                count.add(&page);
                match page.end {
                    Some(end) => break Some(end),
                    None if count.users >= SAMPLE => break None,
                    None => {}
                }
            }
            Err(fault) => break Some(ListingEnd::Incomplete(fault)),
        }
    };
    match end {
        Some(ListingEnd::Incomplete(fault)) if is_about_listing(&fault) && count.users > 0 => {
            let detail = format!("{} users seen; list_users would be incomplete: {}", count.users, fault.message());
            Stage::warned(ID, fault.code(), detail).advice(
                "logins are not affected; raise the server's limits \
                for the service account if users have to be listed",
            )
        }
        Some(ListingEnd::Incomplete(fault)) => Stage::failed(ID, &fault).advice(advice(&fault)),
        _ if count.users == 0 => Stage::warned(ID, "no_users", "no user is found").advice(
            "check filter, username_attribute and base_dn; scope = \"one\" finds only those immediately \
                below the base DN, \"sub\" everything below it",
        ),
        _ if count.without_id > 0 => {
            let detail = format!("{} of {} have no immutable id and could not log in", count.without_id, count.shown());
            Stage::warned(ID, "no_stable_id", detail).advice(
                "let the service account read entryUUID, objectGUID or what the server has of the kind, \
                    or set subject_attribute",
            )
        }
        _ => Stage::passed(ID, count.shown()),
    }
}

/// Faults that cut a listing short and leave logins alone.
fn is_about_listing(fault: &Fault) -> bool {
    matches!(fault.code(), "size_limit" | "paging_refused" | "cookie_repeated")
}

#[derive(Default)]
struct Count {
    users: usize,
    without_id: usize,
    more: bool,
}

impl Count {
    fn add(&mut self, page: &UserPage) {
        self.users += page.users.len();
        self.without_id += page.users.iter().filter(|user| user.subject.is_none()).count();
        self.more = page.end.is_none();
    }

    fn shown(&self) -> String {
        let at_least = if self.more { "at least " } else { "" };
        let noun = if self.users == 1 { "user" } else { "users" };
        format!("{at_least}{} {noun} found", self.users)
    }
}

struct Clock {
    id: &'static str,
    started: Instant,
}

impl Clock {
    fn start(id: &'static str) -> Self {
        Self { id, started: Instant::now() }
    }

    fn finish(&self, stage: Stage) -> Stage {
        stage.took(self.started.elapsed())
    }

    fn passed(&self, detail: impl Into<String>) -> Stage {
        self.finish(Stage::passed(self.id, detail))
    }

    fn failed(&self, fault: &Fault) -> Stage {
        self.finish(Stage::failed(self.id, fault).advice(advice(fault)))
    }
}

/// What to do about a fault, by its code.
fn advice(fault: &Fault) -> &'static str {
    match fault.code() {
        "resolve_failed" => "check the spelling of host, and the DNS of this machine",
        "connect_failed" => "check host and port, that the server is running, and firewalls in between",
        "tls_failed" => {
            "check ca_file, tls_server_name and the server's certificate; StartTLS has to be \
            allowed there"
        }
        "timeout" => {
            "the server is too slow or silent: check port, firewalls and the server's load, or raise \
            timeout"
        }
        "connection_lost" => "look into the server's log for why it closed the connection",
        "protocol_violation" => {
            "check that host and port are those of an LDAP server, and that ldaps:// and start_tls fit it"
        }
        "service_credentials_refused" => "check bind_dn and bind_password",
        "base_dn_not_found" => "check base_dn",
        "no_permission" => "give the service account the right to read the users, or set bind_dn and bind_password",
        "tls_required_by_server" => "use ldaps:// or set start_tls",
        "setting_invalid" => "correct the setting",
        _ => "look into the server's log; trying again later may help",
    }
}
