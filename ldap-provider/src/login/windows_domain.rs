//! The name of a domain in Windows' own names, `DOMAIN\\user`.

use directory_data::{AttributeName, Dn};
use provider_api::Fault;
use wire_guard::SearchScope;

use crate::directory::Directory;
use crate::filter::EncodedFilter;
use crate::name::is_same_domain;
use crate::plan::Plan;
use crate::search::{EntryQuery, Searcher};

const NETBIOS_NAME: &str = "nETBIOSName";

/// Whether users of this domain are the directory's. It is looked up when somebody types such a name, until it is known.
pub(super) async fn is(
    directory: &Directory,
    plan: &Plan,
    domain: &str,
    searcher: &Searcher<'_>,
) -> Result<bool, Fault> {
    if let Some(ours) = directory.windows_domain.get() {
        return Ok(is_same_domain(ours, domain));
    }
    let Some(ours) = look_up(plan, searcher).await? else { return Ok(false) };
    Ok(is_same_domain(directory.windows_domain.get_or_init(|| ours), domain))
}

/// Active Directory keeps it in the entry of the domain among the forest's partitions (MS-ADTS section 6.1.1.2.1.1).
async fn look_up(plan: &Plan, searcher: &Searcher<'_>) -> Result<Option<String>, Fault> {
    let configuration = plan.configuration_context.as_ref().map_or_else(
        || format!("CN=Configuration,{}", plan.naming_context.as_str()),
        |context| context.as_str().to_owned(),
    );
    let partitions = Dn::parse(&format!("CN=Partitions,{configuration}"))
        .map_err(|error| Fault::internal(format!("the DN of the partitions {error}")))?;
    let filter = EncodedFilter::all(&[
        EncodedFilter::has(NETBIOS_NAME),
        EncodedFilter::equals("nCName", plan.naming_context.as_str().as_bytes()),
    ]);
    let query = EntryQuery {
        base: &partitions,
        scope: SearchScope::OneLevel,
        filter: &filter,
        attributes: &[NETBIOS_NAME],
        most: 2,
    };
    let answer = searcher.search(&query, "the search for the name of the domain").await?;
    let name = AttributeName::parse(NETBIOS_NAME).map_err(Fault::internal)?;
    let names: Vec<_> = answer.entries.iter().flat_map(|entry| entry.texts(&name)).collect();
    Ok(match names.as_slice() {
        [one] => Some((*one).to_owned()),
        _ => None,
    })
}
