//! The fund behind its services: which bills it takes, what it says of the others, what it has.
//!
//! Its codes are made up; the real list is not public. Like real services it repeats what was sent in its texts: a good bait
//! for logs that should not.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use roxmltree::Node;

use crate::Bill;
use crate::envelope::escaped;
use crate::schema::KIRST;

/// What the fund knows before anybody sends it something.
pub(crate) struct Fund {
    provider: String,
    insured: BTreeSet<String>,
    services: BTreeSet<String>,
    bills: Mutex<Vec<Kept>>,
}

/// A bill that was taken.
struct Kept {
    bill: Bill,
    submitted: Date,
    /// What it was sent as, by element.
    fields: Vec<(String, String)>,
    /// Number, price and coefficient of what was done: code, day, quantity, coefficient.
    services: Vec<[String; 4]>,
    diagnoses: Vec<[String; 2]>,
}

/// What is said of an item: type, code, element, text.
struct Remark(&'static str, &'static str, &'static str, String);

impl Fund {
    pub(crate) fn new(provider: String, insured: Vec<String>, services: Vec<String>) -> Self {
        let (insured, services) = (insured.into_iter().collect(), services.into_iter().collect());
        Self { provider, insured, services, bills: Mutex::default() }
    }

    pub(crate) fn bills(&self) -> Vec<Bill> {
        self.lock().iter().map(|kept| kept.bill.clone()).collect()
    }

    /// What the service answers to a body that keeps the schema.
    pub(crate) fn answer(&self, body: Node<'_, '_>, today: Date) -> String {
        let response = match body.tag_name().name() {
            "rta_saatmine" => self.submit(body, today),
            "rta_tyhistus" => self.cancel(body),
            _ => self.detail(body),
        };
        wrapped(body, &response)
    }

    /// An answer that refuses every item, with nothing done.
    pub(crate) fn refusal(body: Node<'_, '_>) -> String {
        let remark = || errors(&[Remark("E", "RTA-000", "", "told to refuse".to_owned())]);
        let (list, numbers): (_, &[&str]) = match body.tag_name().name() {
            "rta_saatmine" => ("raviarved", &["arveJrk", "arveNumber"]),
            "rta_tyhistus" => ("raviarveTyhistused", &["arveHkId"]),
            _ => return wrapped(body, &remark()),
        };
        let items: String = items(body, list)
            .map(|item| {
                let named: String = numbers.iter().map(|name| element(name, text(item, name))).collect();
                format!("<item>{named}{}</item>", remark())
            })
            .collect();
        wrapped(body, &format!("<{list}>{items}</{list}>"))
    }

    fn submit(&self, body: Node<'_, '_>, today: Date) -> String {
        let is_test = ["true", "1"].contains(&text(request(body), "testimine"));
        // Held over the whole message: of two bills of one number, the second sees the first.
        let mut bills = self.lock();
        let answers: String = items(body, "raviarved")
            .map(|item| {
                let remarks = self.remarks(item, &bills);
                let named: String =
                    ["arveJrk", "arveNumber"].iter().map(|name| element(name, text(item, name))).collect();
                let taken = if is_test || remarks.iter().any(|remark| remark.0 == "E") {
                    String::new()
                } else {
                    let id = format!("HK{:06}", bills.len() + 1);
                    bills.push(Kept::of(item, id.clone(), today));
                    let day = element("loodudKp", &today.to_string());
                    format!("{day}{}<arveStaatus>00</arveStaatus>", element("arveHkId", &id))
                };
                format!("<item>{named}{taken}{}</item>", errors(&remarks))
            })
            .collect();
        format!("<raviarved>{answers}</raviarved>")
    }

    fn remarks(&self, item: Node<'_, '_>, bills: &[Kept]) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let number = text(item, "arveNumber");
        if bills.iter().any(|kept| kept.bill.number == number && !kept.bill.is_cancelled) {
            remarks.push(Remark("E", "RTA-101", "arveNumber", format!("bill {number} is there already")));
        }
        let period = (text(item, "algKp"), text(item, "loppKp"));
        if period.0 > period.1 {
            remarks.push(Remark("E", "RTA-102", "loppKp", "ends before it begins".to_owned()));
        }
        let patient = inner(item, "patsient").map_or("", |patient| text(patient, "isikukood"));
        if text(item, "rahastamiseAllikas") == "RA" && !self.insured.contains(patient) {
            remarks.push(Remark("E", "RTA-103", "isikukood", format!("{patient} is not insured")));
        }
        for (place, service) in within(item, "arveTeenused").enumerate() {
            let code = text(service, "teenusKood");
            if !self.services.contains(code) {
                remarks.push(Remark(
                    "E",
                    "RTA-104",
                    "teenusKood",
                    format!("no service {code} in line {place}"),
                ));
            }
            let day = text(service, "teenusKp");
            if day < period.0 || day > period.1 {
                remarks.push(Remark("E", "RTA-105", "teenusKp", format!("{day} is not of this case")));
            }
        }
        if text(item, "saabumiseLiik") == "3" && text(item, "saatekirjaNr").is_empty() {
            remarks.push(Remark("W", "RTA-201", "saatekirjaNr", "referred, and no referral".to_owned()));
        }
        remarks
    }

    fn cancel(&self, body: Node<'_, '_>) -> String {
        let mut bills = self.lock();
        let answers: String = items(body, "raviarveTyhistused")
            .map(|item| {
                let id = text(item, "arveHkId");
                let own = bills.iter_mut().find(|kept| kept.bill.id == id);
                let (state, remarks) = match own {
                    None => ("", vec![Remark("E", "RTA-301", "arveHkId", format!("no bill {id}"))]),
                    Some(kept) if kept.bill.is_cancelled => {
                        ("", vec![Remark("E", "RTA-302", "arveHkId", format!("{id} is cancelled"))])
                    }
                    Some(kept) => {
                        kept.bill.is_cancelled = true;
                        ("<arveStaatus>99</arveStaatus>", Vec::new())
                    }
                };
                format!("<item>{}{state}{}</item>", element("arveHkId", id), errors(&remarks))
            })
            .collect();
        format!("<raviarveTyhistused>{answers}</raviarveTyhistused>")
    }

    fn detail(&self, body: Node<'_, '_>) -> String {
        let (id, number) = (text(request(body), "arveHkId"), text(request(body), "arveNumber"));
        let bills = self.lock();
        // The latest: a number may have been used again after a cancellation.
        let own = bills.iter().rev().find(|kept| {
            (id.is_empty() || kept.bill.id == id) && (number.is_empty() || kept.bill.number == number)
        });
        match own {
            Some(kept) if !id.is_empty() || !number.is_empty() => {
                format!("<raviarve>{}</raviarve><vead/>", kept.detail(&self.provider))
            }
            _ => errors(&[Remark("E", "RTA-401", "", "no such bill".to_owned())]),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.bills.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn of(item: Node<'_, '_>, id: String, submitted: Date) -> Self {
        let owned = |node, name| text(node, name).to_owned();
        let patient = inner(item, "patsient");
        let bill = Bill {
            id,
            number: owned(item, "arveNumber"),
            patient: patient.map_or_else(String::new, |patient| owned(patient, "isikukood")),
            is_cancelled: false,
            document: source(item).to_owned(),
        };
        let plain =
            item.children().filter(|child| child.is_element() && !child.children().any(|of| of.is_element()));
        let fields = plain
            .map(|child| (child.tag_name().name().to_owned(), child.text().unwrap_or_default().to_owned()));
        let service =
            |of| ["teenusKood", "teenusKp", "teenusKogus", "teenusKoefVaartus"].map(|name| owned(of, name));
        Self {
            bill,
            submitted,
            fields: fields.collect(),
            services: within(item, "arveTeenused").map(service).collect(),
            diagnoses: within(item, "arveDiagnoosid")
                .map(|of| ["liikDiagnoos", "diagnoos"].map(|name| owned(of, name)))
                .collect(),
        }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(of, _)| of == name).map_or("", |(_, text)| text)
    }

    /// The bill as `rta_detail` tells it, with prices of one euro.
    fn detail(&self, provider: &str) -> String {
        let given = |name: &str| element(name, self.field(name));
        let contractor =
            Some(self.field("lepingupartner")).filter(|code| !code.is_empty()).unwrap_or("74000091");
        let state = if self.bill.is_cancelled { "99" } else { "00" };
        let diagnoses: String = self
            .diagnoses
            .iter()
            .map(|[mark, code]| {
                format!(
                    "<item>{}{}<diagnoosNimi/></item>",
                    element("liikDiagnoos", mark),
                    element("diagnoos", code)
                )
            })
            .collect();
        let services: String = self
            .services
            .iter()
            .map(|[code, day, count, coefficient]| {
                format!(
                    "<item><teenusTunnus>TEEN</teenusTunnus>{}{}<teenusKoodNimi/>{}<teenusPiirhind>1</teenusPiirhind>{}\
                     <teenusMaksumus>1</teenusMaksumus><osakaal>0</osakaal></item>",
                    element("teenusKp", day),
                    element("teenusKood", code),
                    element("teenusKogus", count),
                    element("teenusKoefVaartus", coefficient),
                )
            })
            .collect();
        [
            element("arveHkId", &self.bill.id),
            element("arveNumber", &self.bill.number),
            element("lepingupartner", contractor),
            ["teenusKoht", "rahastamiseAllikas", "arveTeenusTyyp"].map(given).concat(),
            element("arveStaatus", state),
            ["algKp", "loppKp"].map(given).concat(),
            element("loodudKp", &self.submitted.to_string()),
            "<arveSummad><kokkuSumma>1</kokkuSumma><arveSumma>1</arveSumma><valuuta>EUR</valuuta></arveSummad>".to_owned(),
            element("ttoRegKood", provider),
            "<ttoNimi/>".to_owned(),
            given("eriala"),
            "<erialaNimi/>".to_owned(),
            ["saabumiseLiik", "lopetamisePohjus"].map(given).concat(),
            "<arst><arstiKood>D00000</arstiKood><arstiEriala>E000</arstiEriala></arst>".to_owned(),
            format!("<patsient>{}</patsient>", element("isikukood", &self.bill.patient)),
            format!("<arveDiagnoosid>{diagnoses}</arveDiagnoosid><arveTeenused>{services}</arveTeenused>"),
        ]
        .concat()
    }
}

/// The answer of a service: what it was asked, and what it says.
fn wrapped(body: Node<'_, '_>, response: &str) -> String {
    let name = body.tag_name().name();
    let asked = source(request(body));
    format!("<k:{name}Response xmlns:k=\"{KIRST}\">{asked}<response>{response}</response></k:{name}Response>")
}

fn errors(remarks: &[Remark]) -> String {
    let item = |Remark(kind, code, at, says): &Remark| {
        let at = if at.is_empty() { String::new() } else { element("element", at) };
        format!(
            "<item>{}{}{at}{}</item>",
            element("tyyp", kind),
            element("kood", code),
            element("teade", says)
        )
    };
    format!("<vead>{}</vead>", remarks.iter().map(item).collect::<String>())
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// The element as it was received.
fn source<'i>(node: Node<'_, 'i>) -> &'i str {
    node.document().input_text().get(node.range()).unwrap_or_default()
}

fn request<'a, 'i>(body: Node<'a, 'i>) -> Node<'a, 'i> {
    inner(body, "request").unwrap_or(body)
}

fn items<'a, 'i: 'a>(body: Node<'a, 'i>, list: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    within(request(body), list)
}

/// The items of a list in `node`.
fn within<'a, 'i: 'a>(node: Node<'a, 'i>, list: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    inner(node, list).into_iter().flat_map(|list| list.children().filter(Node::is_element))
}

fn inner<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    inner(node, name).and_then(|child| child.text()).unwrap_or_default()
}
