//! What a bill tells the policy: that it is paid from public funds, has services, and is of one case.
//!
//! It looks at what is left after minimising, and says of each place that speaks against a fact where it is and what
//! would mend it. Whether a disclosure rests on a fact is the policy's to say.

use clearance::adapter::DocumentFacts;
use clearance::fault::Fault;
use clearance::person::is_estonian_personal_code;
use jiff::civil::Date;
use x_road::soap::Node;

use crate::read;

const FUNDED: &str = "publicly-funded";
const BILLED: &str = "service-billed";
const IN_ORDER: &str = "period-in-order";
const IN_PERIOD: &str = "service-in-period";
const FOREIGN: &str = "foreign-code";
const KINDS: [&str; 5] = [FUNDED, BILLED, IN_ORDER, IN_PERIOD, FOREIGN];

/// Sources of which the fund pays something (kirst.wsdl, `rtaRahastamiseAllikasType`): insured, uninsured, family doctor,
/// foreigner.
const PAID: [&str; 4] = ["RA", "MK", "PA", "VA"];
/// The null bill.
const NULL_BILL: &str = "OR";
/// Who contracts for public funds (`lepingupartnerType`): the fund, the ministry, the institute for health development.
const CONTRACTORS: [&str; 3] = ["74000091", "70001952", "70006292"];

/// The facts of bills.
#[derive(Debug)]
pub(crate) struct BillFacts {
    null_bills: bool,
    foreign: bool,
}

impl BillFacts {
    /// With or without null bills; of patients without an Estonian personal code, or with one.
    pub(crate) const fn new(null_bills: bool, foreign: bool) -> Self {
        Self { null_bills, foreign }
    }

    fn against_bill(&self, bill: &Node, faults: &mut Vec<Fault>) {
        self.against_funding(bill, faults);
        let services: Vec<_> =
            bill.at(&["arveTeenused"]).into_iter().flat_map(|all| all.all("item")).collect();
        if services.is_empty() {
            let detail = "the bill has no service";
            faults.push(Fault::new(BILLED, bill.place(), detail, "send bills with services only"));
        }
        let Some((begins, ends)) = date(bill, "algKp").zip(date(bill, "loppKp")) else {
            let detail = "the bill does not say when its period begins and ends";
            faults.push(Fault::new(IN_ORDER, bill.place(), detail, "give it `algKp` and `loppKp`"));
            return;
        };
        if begins > ends {
            let place = bill.at(&["loppKp"]).map_or(bill.place(), Node::place);
            let detail = "the period of the bill ends before it begins";
            faults.push(Fault::new(IN_ORDER, place, detail, "mend `algKp` or `loppKp`"));
        }
        for service in services {
            if !date(service, "teenusKp").is_some_and(|day| begins <= day && day <= ends) {
                let detail = "the service was not given within the period of its bill";
                let remedy = "bill it with the case to which it belongs, or mend its date";
                faults.push(Fault::new(IN_PERIOD, service.place(), detail, remedy));
            }
        }
        if self.foreign && is_estonian_personal_code(patient(bill)) {
            let place = bill.at(&["patsient"]).map_or(bill.place(), Node::place);
            let detail = "the patient has an Estonian personal code, which suffices";
            let remedy = "send the bill for the purpose `treatment-bill`";
            faults.push(Fault::new(FOREIGN, place, detail, remedy));
        }
    }

    fn against_funding(&self, bill: &Node, faults: &mut Vec<Fault>) {
        let source = bill.text_of("rahastamiseAllikas");
        if !(PAID.contains(&source) || (self.null_bills && source == NULL_BILL)) {
            let place = bill.at(&["rahastamiseAllikas"]).map_or(bill.place(), Node::place);
            let detail = "the source of funding is not one that the fund pays from";
            let remedy = "send only bills with the source `RA`, `MK`, `PA` or `VA` (and `OR` where the settings allow it); what the \
                          patient, an employer or an insurer pays stays in the clinic";
            faults.push(Fault::new(FUNDED, place, detail, remedy));
        }
        if let Some(contractor) = bill.at(&["lepingupartner"])
            && !CONTRACTORS.contains(&contractor.text())
        {
            let detail = "the contract is not with one who contracts for public funds";
            let remedy = "leave `lepingupartner` out for the fund itself, or name `74000091`, `70001952` or `70006292`";
            faults.push(Fault::new(FUNDED, contractor.place(), detail, remedy));
        }
    }
}

impl DocumentFacts for BillFacts {
    fn kinds(&self) -> &[&'static str] {
        let [of_all @ .., _foreign] = &KINDS;
        if self.foreign { KINDS.as_slice() } else { of_all.as_slice() }
    }

    fn against(&self, document: &[u8]) -> Vec<Fault> {
        let mut faults = Vec::new();
        let document = read(document);
        let bills = document.as_ref().and_then(|message| message.at(&["request", "raviarved"]));
        let mut bills = bills.into_iter().flat_map(|bills| bills.all("item")).peekable();
        if bills.peek().is_none() {
            // Nothing is known of a message without bills: no fact holds.
            let remedy = "send at least one bill, `request/raviarved/item`";
            let none = |kind: &&'static str| Fault::new(*kind, "", "the message has no bill", remedy);
            return self.kinds().iter().map(none).collect();
        }
        bills.for_each(|bill| self.against_bill(bill, &mut faults));
        faults
    }
}

/// The patient's code in a bill.
pub(crate) fn patient(bill: &Node) -> &str {
    bill.at(&["patsient", "isikukood"]).map_or("", Node::text)
}

fn date(node: &Node, name: &str) -> Option<Date> {
    node.text_of(name).parse().ok()
}
