//! The order and number of the elements of a message, as `rta_saatmine` and `rta_tyhistus` of kirst.wsdl have them.
//!
//! The profiles say what an element may hold; a schema also says which must be there and in which order, and the fund
//! answers a message that breaks it with a fault for the whole. So all of it is told at intake, with places.

use std::collections::BTreeSet;

use clearance::fault::Fault;
use x_road::soap::Node;

/// An element within another.
struct Part {
    name: &'static str,
    is_required: bool,
    is_list: bool,
    content: Content,
}

/// What is in an element.
enum Content {
    Text,
    /// Elements in this order.
    Sequence(&'static [Part]),
    /// Elements in any order.
    All(&'static [Part]),
}

const fn text(name: &'static str) -> Part {
    Part { name, is_required: true, is_list: false, content: Content::Text }
}

const fn group(name: &'static str, content: Content) -> Part {
    Part { name, is_required: true, is_list: false, content }
}

const fn items(content: Content) -> Part {
    Part { name: "item", is_required: true, is_list: true, content }
}

const fn optional(part: Part) -> Part {
    Part { is_required: false, ..part }
}

const SENDING: &[Part] = &[group(
    "request",
    Content::Sequence(&[
        optional(text("testimine")),
        group("raviarved", Content::Sequence(&[items(Content::Sequence(BILL))])),
    ]),
)];

const BILL: &[Part] = &[
    text("arveJrk"),
    text("arveNumber"),
    text("rahastamiseAllikas"),
    text("arveTeenusTyyp"),
    optional(text("lepingupartner")),
    optional(text("saabusHaiglast")),
    optional(text("liikusHaiglasse")),
    text("eriala"),
    text("teenusKoht"),
    text("algKp"),
    text("loppKp"),
    optional(text("yletoo")),
    text("saabumiseLiik"),
    text("lopetamisePohjus"),
    group(
        "arst",
        Content::Sequence(&[
            text("arstiKood"),
            optional(text("arstiNimi")),
            text("arstiEriala"),
            optional(text("arstiErialaNimi")),
            optional(text("suunanudArstiKood")),
            optional(text("suunanudArstiNimi")),
        ]),
    ),
    optional(text("esmaseArveHkId")),
    optional(text("valtimatuAbi")),
    optional(text("saatekirjaNr")),
    optional(text("tvlJuhtum")),
    group(
        "patsient",
        Content::Sequence(&[
            // The schema lets it be left out; a bill of nobody is none of the declared subject.
            text("isikukood"),
            optional(text("eesnimi")),
            optional(text("perekonnanimi")),
            optional(text("synniKp")),
            optional(text("sugu")),
            optional(text("elukohaRiik")),
        ]),
    ),
    group(
        "arveDiagnoosid",
        Content::Sequence(&[items(Content::Sequence(&[
            text("liikDiagnoos"),
            text("diagnoos"),
            optional(text("raskusaste")),
        ]))]),
    ),
    group("arveTeenused", Content::Sequence(&[items(Content::All(SERVICE))])),
    optional(group(
        "elDokAndmed",
        Content::Sequence(&[
            text("dokumendiLiik"),
            text("dokumendiNumber"),
            optional(text("valjastatudKp")),
            optional(text("kehtibAlatesKp")),
            text("kehtibKuniKp"),
            optional(text("padevaAsutuseKood")),
        ]),
    )),
];

const SERVICE: &[Part] = &[
    optional(text("teenusJrk")),
    text("teenusKood"),
    text("teenusKp"),
    optional(text("teenusKellaaeg")),
    text("teenusKogus"),
    optional(text("emo")),
    text("teenusKoefVaartus"),
    optional(group(
        "hambaravi",
        Content::Sequence(&[
            optional(text("hambavalemAlates")),
            optional(text("hambavalemKuni")),
            optional(text("dmfKood")),
        ]),
    )),
];

const CANCELLING: &[Part] = &[group(
    "request",
    Content::Sequence(&[group(
        "raviarveTyhistused",
        Content::Sequence(&[items(Content::Sequence(&[text("arveHkId"), text("tyhistatudPohjus")]))]),
    )]),
)];

/// Everything in which a minimised message is not as its service wants it.
pub(crate) fn check(message: &Node) -> Vec<Fault> {
    let mut faults = Vec::new();
    match message.name() {
        "rta_saatmine" => {
            check_sequence(message, SENDING, &mut faults);
            let bills = message.at(&["request", "raviarved"]);
            check_numbers(bills, &["arveJrk", "arveNumber"], &mut faults);
        }
        _ => {
            check_sequence(message, CANCELLING, &mut faults);
            check_numbers(message.at(&["request", "raviarveTyhistused"]), &["arveHkId"], &mut faults);
        }
    }
    faults
}

/// Whether an element of bills is called `name`: names that come back from the fund are repeated only if so.
pub(crate) fn has_element(name: &str) -> bool {
    fn among(parts: &[Part], name: &str) -> bool {
        parts.iter().any(|part| {
            part.name == name
                || match &part.content {
                    Content::Text => false,
                    Content::Sequence(parts) | Content::All(parts) => among(parts, name),
                }
        })
    }
    among(SENDING, name) || among(CANCELLING, name)
}

fn check_content(node: &Node, content: &Content, faults: &mut Vec<Fault>) {
    match content {
        Content::Text => {}
        Content::Sequence(parts) => check_sequence(node, parts, faults),
        Content::All(parts) => check_parts(node, parts, faults),
    }
}

fn check_sequence(node: &Node, parts: &[Part], faults: &mut Vec<Fault>) {
    let mut furthest = 0;
    for child in node.children() {
        let Some(place) = parts.iter().position(|part| part.name == child.name()) else { continue };
        if place < furthest {
            let detail = "the element stands behind one that the schema has after it";
            let remedy = "keep the order of the elements in kirst.wsdl";
            faults.push(Fault::new("element-out-of-order", child.place(), detail, remedy));
        }
        furthest = furthest.max(place);
    }
    check_parts(node, parts, faults);
}

fn check_parts(node: &Node, parts: &[Part], faults: &mut Vec<Fault>) {
    for part in parts {
        let mut met = node.all(part.name);
        match met.next() {
            Some(first) => check_content(first, &part.content, faults),
            None if part.is_required => {
                let detail = format!("`{}` is missing, or nothing of it would leave", part.name);
                let remedy = "send it, with a value that kirst.wsdl allows";
                faults.push(Fault::new("element-missing", node.place(), detail, remedy));
            }
            None => {}
        }
        for more in met {
            if part.is_list {
                check_content(more, &part.content, faults);
            } else {
                let detail = "the element is there more than once";
                faults.push(Fault::new("element-repeated", more.place(), detail, "send it once"));
            }
        }
    }
}

/// The answer tells bills apart by these numbers.
fn check_numbers(list: Option<&Node>, names: &[&str], faults: &mut Vec<Fault>) {
    for name in names {
        let mut seen = BTreeSet::new();
        let numbers = list.into_iter().flat_map(|list| list.all("item")).filter_map(|item| item.at(&[*name]));
        for number in numbers {
            if !seen.insert(number.text()) {
                let detail = "two items of the message have one number";
                let remedy = "give each item a number of its own";
                faults.push(Fault::new("number-repeated", number.place(), detail, remedy));
            }
        }
    }
}
