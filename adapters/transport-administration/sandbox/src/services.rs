//! What stands behind the Security Server for the Transport Administration: the certificates in TIS, and its own register.

use jiff::Timestamp;
use stand_in::{Answer, Asked};

use crate::certificates::Certificates;
use crate::driver_fitness::Register;
use crate::security_server::{Behind, Call, Services};

const TIS: &str = "GOV/70009770/tis";

/// The services.
pub(crate) struct TransportServices {
    pub(crate) certificates: Certificates,
    pub(crate) register: Register,
    register_subsystem: String,
}

impl TransportServices {
    /// With the register as `register_subsystem`, `class/member/subsystem`.
    pub(crate) fn new(register_subsystem: String) -> Self {
        Self { certificates: Certificates::default(), register: Register::default(), register_subsystem }
    }
}

impl Services for TransportServices {
    fn provides(&self, provider: &str) -> bool {
        provider == self.register_subsystem
    }

    fn answer(&self, asked: &Asked, call: &Call, behind: &Behind, now: Timestamp) -> Option<Answer> {
        let about_patients = call.rest.first().is_some_and(|kind| kind == "Patient");
        match (call.provider.as_str(), call.service_code.as_str()) {
            (TIS, "fhir") => Some(behind.by_token(asked, call, now, |token| {
                // TEHIK's own collection asks `tis/fhir` for patients too.
                if about_patients {
                    return behind.patients.answer(asked, call, token);
                }
                self.certificates.answer(asked, call, token, &behind.patients, now)
            })),
            (provider, "driver-fitness") if provider == self.register_subsystem => {
                Some(self.register.answer(asked, call, now))
            }
            _ => None,
        }
    }
}
