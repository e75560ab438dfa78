//! Whether the server may be asked, and what says that it is better left alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use provider_api::{Fault, UnavailableReason};

use super::super::breaker::{Availability, Cause, Urgency};
use super::super::steps::Steps;
use super::Server;

impl Server {
    pub(crate) fn availability(&self) -> Availability {
        self.breaker.availability()
    }

    /// Why whoever has not sent a password to this server yet is to go on to another: this one is left alone, and there is
    /// another that is not. Who has no other stays: a connection that is there may still be of use.
    pub(crate) fn reason_to_leave(&self) -> Option<Fault> {
        let outage = self.outage()?;
        let all = self.all.upgrade()?;
        all.all.iter().any(|other| other.availability() == Availability::Available).then_some(outage)
    }

    /// Why whoever has not connected to this server yet is not to wait for their turn: the same, and where each login needs a
    /// connection of its own there is nothing that may still be of use.
    pub(super) fn reason_not_to_wait(&self) -> Option<Fault> {
        if self.config.bind_template.is_some() { self.outage() } else { self.reason_to_leave() }
    }

    fn outage(&self) -> Option<Fault> {
        match self.availability() {
            Availability::Available => None,
            Availability::Down(fault, _) => Some(fault),
        }
    }

    /// Takes note that the server could not be reached.
    pub(crate) fn is_down(&self, fault: &Fault, began: Instant) {
        self.leave_alone(Cause::Unreachable, fault, began);
    }

    /// Takes note that the server had time and did not answer the bind of a user, whatever else it answers. If it has
    /// answered others meanwhile, that says something about this account: its password may be checked by something that
    /// hangs, and whoever has such an account must not take the server from everybody else.
    pub(crate) fn answers_no_bind(&self, fault: &Fault, sent: Instant) {
        if self.bind_answered.is_after(sent) {
            return;
        }
        self.leave_alone(Cause::Binds, fault, sent);
    }

    fn leave_alone(&self, cause: Cause, fault: &Fault, began: Instant) {
        // This side's lack of files is no fault of the server's.
        if fault.code() == UnavailableReason::OVERLOADED.as_str() {
            self.breaker.probe_ended();
            return;
        }
        if self.breaker.open(cause, fault.clone(), began, Instant::now(), fastrand::f64()) {
            // It is dialled anew before it is asked again.
            self.searches.give_up_all();
            if self.reason_not_to_wait().is_some() {
                self.binds.wake_who_waits();
            }
            // Why, is in the line of each login.
            log::info!("{} is left alone for some seconds: {}", self.endpoint, fault.code());
        }
    }

    /// Has those go on who wait for a turn at a server that is left alone, and had nowhere to go: they have now.
    pub(super) fn wake_who_waits_at_others(&self) {
        let Some(servers) = self.all.upgrade() else { return };
        for other in servers.all.iter().filter(|other| other.outage().is_some()) {
            other.binds.wake_who_waits();
        }
    }

    /// Finds out in the background whether a server that was down is back, if it is time to.
    pub(in crate::directory) fn probe(self: &Arc<Self>, urgency: Urgency) {
        let steps = Steps::of(self.config.timeout);
        if self.breaker.take_probe(urgency, Instant::now(), steps.resolve + steps.connect + Duration::from_secs(1)) {
            self.open_shared();
        }
    }
}
