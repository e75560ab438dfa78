use std::sync::Arc;

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindCred, LdapBindRequest, LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode,
    LdapSearchRequest,
};
use zeroize::Zeroizing;

use super::dn::Dn;
use super::search::{Found, Tree};
use super::traffic::Traffic;

/// The most entries that a page holds, whatever the client asks for: few, so that a dozen people already make several
/// pages.
pub(super) const LARGEST_PAGE: usize = 5;

/// One connection: who is bound, and the listing that is under way. Knows nothing of sockets.
pub(super) struct Session {
    tree: Arc<Tree>,
    traffic: Arc<Traffic>,
    bound: Option<Dn>,
    paged: Option<Paged>,
}

/// A paged search between two of its pages. A connection has one at a time, as with OpenLDAP.
struct Paged {
    /// What the client has to show for the next page. Never used twice.
    cookie: Vec<u8>,
    request: LdapSearchRequest,
    rest: Found,
}

impl Session {
    pub(super) fn new(tree: Arc<Tree>, traffic: Arc<Traffic>) -> Self {
        traffic.connected();
        Self { tree, traffic, bound: None, paged: None }
    }

    /// The answer to a message; `None` ends the connection.
    pub(super) fn answer(&mut self, message: LdapMsg) -> Option<Vec<LdapMsg>> {
        let LdapMsg { msgid, op, ctrl } = message;
        let unknown = ctrl.iter().any(|control| matches!(control, LdapControl::Unknown { criticality: true, .. }));
        let only = |op| Some(vec![LdapMsg::new(msgid, op)]);
        match op {
            // Every search is answered at once, so there is nothing left to abandon (RFC 4511 section 4.11: no
            // answer).
            LdapOp::AbandonRequest(_) => Some(Vec::new()),
            LdapOp::BindRequest(request) => {
                let res = self.bind(request);
                only(LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None }))
            }
            LdapOp::SearchRequest(_) if unknown => {
                only(LdapOp::SearchResultDone(result(LdapResultCode::UnavailableCriticalExtension, "unknown control")))
            }
            LdapOp::SearchRequest(request) => Some(self.search(msgid, request, &ctrl)),
            LdapOp::ModifyRequest(_) => only(LdapOp::ModifyResponse(read_only())),
            LdapOp::AddRequest(_) => only(LdapOp::AddResponse(read_only())),
            LdapOp::DelRequest(_) => only(LdapOp::DelResponse(read_only())),
            LdapOp::ModifyDNRequest(_) => only(LdapOp::ModifyDNResponse(read_only())),
            LdapOp::CompareRequest(_) => only(LdapOp::CompareResult(read_only())),
            LdapOp::ExtendedRequest(_) => only(LdapOp::ExtendedResponse(LdapExtendedResponse {
                res: result(LdapResultCode::ProtocolError, "no extended operation is supported"),
                name: None,
                value: None,
            })),
            // An unbind, or a response from a client.
            _ => None,
        }
    }

    /// RFC 4511 section 4.2 and RFC 4513 section 5.1. Whatever comes of it, who was bound before is no longer.
    fn bind(&mut self, request: LdapBindRequest) -> LdapResult {
        self.bound = None;
        self.paged = None;
        let LdapBindCred::Simple(password) = request.cred else {
            return result(LdapResultCode::AuthMethodNotSupported, "only simple binds");
        };
        let password = Zeroizing::new(password);
        if request.version != 3 {
            return result(LdapResultCode::ProtocolError, "only version 3");
        }
        let Some(name) = Dn::parse(&request.dn) else { return result(LdapResultCode::InvalidDNSyntax, "no DN") };
        self.traffic.bind(&name);
        if name.is_root() {
            return if password.is_empty() {
                result(LdapResultCode::Success, "")
            } else {
                result(LdapResultCode::InvalidCredentials, "a password without a name")
            };
        }
        if password.is_empty() {
            // Answered with success, this would let anybody in who leaves the password out (RFC 4513 section 5.1.2).
            return result(LdapResultCode::UnwillingToPerform, "a name without a password");
        }
        match self.tree.entry(&name) {
            Some(entry) if entry.has_password(&password) => {
                self.bound = Some(name);
                result(LdapResultCode::Success, "")
            }
            // A name that is not there and a wrong password look the same from outside.
            _ => result(LdapResultCode::InvalidCredentials, ""),
        }
    }

    fn search(&mut self, msgid: i32, request: LdapSearchRequest, controls: &[LdapControl]) -> Vec<LdapMsg> {
        self.traffic.searched();
        let paging = controls.iter().find_map(|control| match control {
            LdapControl::SimplePagedResults { size, cookie } => Some((*size, cookie.as_slice())),
            _ => None,
        });
        let Some((size, cookie)) = paging else {
            let found = self.tree.search(&request, self.bound.is_some());
            return messages(msgid, found, Vec::new());
        };
        let under_way = self.paged.take();
        let mut found = if cookie.is_empty() {
            self.tree.search(&request, self.bound.is_some())
        } else {
            match under_way {
                Some(paged) if paged.cookie == cookie && paged.request == request => paged.rest,
                _ => {
                    return vec![done(
                        msgid,
                        result(LdapResultCode::UnwillingToPerform, "that is no cookie for this search"),
                        Vec::new(),
                    )];
                }
            }
        };
        // A client that asks for a page of no entries is giving the listing up (RFC 2696 section 3).
        let size = usize::try_from(size).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE);
        if size == 0 && !cookie.is_empty() {
            return messages(
                msgid,
                Found { entries: Vec::new(), code: LdapResultCode::Success },
                paged_control(Vec::new()),
            );
        }
        let page = self.traffic.paged();
        if found.entries.len() <= size.max(1) {
            return messages(msgid, found, paged_control(Vec::new()));
        }
        let rest = found.entries.split_off(size.max(1));
        let cookie = page.to_be_bytes().to_vec();
        self.paged = Some(Paged { cookie: cookie.clone(), request, rest: Found { entries: rest, code: found.code } });
        // How the whole search ended is told with the last page.
        messages(msgid, Found { code: LdapResultCode::Success, ..found }, paged_control(cookie))
    }
}

/// The end of a connection that broke the protocol: RFC 4511 section 4.4.1.
pub(super) fn notice_of_disconnection() -> LdapMsg {
    LdapMsg::new(
        0,
        LdapOp::ExtendedResponse(LdapExtendedResponse {
            res: result(LdapResultCode::ProtocolError, "that is not LDAP, or it is too long"),
            name: Some("1.3.6.1.4.1.1466.20036".to_owned()),
            value: None,
        }),
    )
}

/// The control that goes with every page. 0 entries in all: "not known", as most servers say.
fn paged_control(cookie: Vec<u8>) -> Vec<LdapControl> {
    vec![LdapControl::SimplePagedResults { size: 0, cookie }]
}

fn messages(msgid: i32, found: Found, controls: Vec<LdapControl>) -> Vec<LdapMsg> {
    let entries = found.entries.into_iter().map(|entry| LdapMsg::new(msgid, LdapOp::SearchResultEntry(entry)));
    entries.chain([done(msgid, result(found.code, ""), controls)]).collect()
}

fn done(msgid: i32, result: LdapResult, controls: Vec<LdapControl>) -> LdapMsg {
    LdapMsg::new_with_ctrls(msgid, LdapOp::SearchResultDone(result), controls)
}

fn read_only() -> LdapResult {
    result(LdapResultCode::UnwillingToPerform, "this directory is read-only")
}

fn result(code: LdapResultCode, message: &str) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: message.to_owned(), referral: Vec::new() }
}
