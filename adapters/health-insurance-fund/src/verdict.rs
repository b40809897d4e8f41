//! What the fund says of each item of a message, inside an answer with status 200: taken, refused, or nothing readable.
//!
//! An item is refused by a `vead/item` of type `E`; `W` and `I` are no refusal. Of these only the code and the element are
//! passed on, and only if they look like ones: the text (`teade`) may quote the bill.

use bytes::Bytes;
use clearance::adapter::{Acknowledgement, DestinationRefusal, Outcome, Setback};
use clearance::fault::Fault;
use x_road::soap::Node;

use crate::structure::has_element;

/// What became of one item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Taken, under this number of the fund's.
    Taken(String),
    /// Refused.
    Refused(Vec<Error>),
    /// The answer does not say.
    Unsaid,
}

/// One error of an item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The fund's code, if it looks like one.
    code: Option<String>,
    fault: Fault,
}

/// What `answer` says of `item`, which is in the state `done` when the fund has done as it was asked.
pub(crate) fn of_item(item: &Node, answer: Option<&Node>, done: &str) -> Verdict {
    let Some(answer) = answer else { return Verdict::Unsaid };
    let told = answer.at(&["vead"]).into_iter().flat_map(|errors| errors.all("item"));
    let errors: Vec<_> =
        told.filter(|told| told.text_of("tyyp") == "E").map(|told| error(item, told)).collect();
    if !errors.is_empty() {
        return Verdict::Refused(errors);
    }
    let id = answer.text_of("arveHkId");
    if answer.text_of("arveStaatus") == done && is_code(id) {
        Verdict::Taken(id.to_owned())
    } else {
        Verdict::Unsaid
    }
}

/// How a message ends of whose items this became.
pub(crate) fn of_message<'n>(items: impl Iterator<Item = (&'n Node, Verdict)>) -> Outcome {
    let (mut ids, mut took, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for (item, verdict) in items {
        match verdict {
            Verdict::Taken(id) => {
                let detail = format!("the fund has taken this item all the same, as `{id}`");
                let remedy = "leave it out when the others are sent anew";
                took.push(Fault::new("destination-took", item.place(), detail, remedy));
                ids.push(id);
            }
            Verdict::Refused(told) => errors.extend(told),
            Verdict::Unsaid => return Outcome::Unknown(Setback::new("item-without-answer")),
        }
    }
    if errors.is_empty() {
        let reference = ids.join(" ");
        let proof = Bytes::from(reference.clone());
        return Outcome::Delivered(Acknowledgement { reference: Some(reference), proof });
    }
    let code = errors.iter().find_map(|error| error.code.clone());
    let faults = errors.into_iter().map(|error| error.fault).chain(took).collect();
    Outcome::Refused(DestinationRefusal { code: code.unwrap_or_else(|| "item-refused".into()), faults })
}

fn error(item: &Node, told: &Node) -> Error {
    let code = Some(told.text_of("kood")).filter(|code| is_code(code)).map(str::to_owned);
    let (place, named) = place(item, told.text_of("element"));
    let by = code.as_ref().map(|code| format!(" with the code `{code}`")).unwrap_or_default();
    let at = named.map(|name| format!(" for `{name}`")).unwrap_or_default();
    let fault = Fault::new(
        "destination-refused",
        place,
        format!("the fund refuses the item{by}{at}"),
        "mend it by the fund's list of codes and send it anew",
    );
    Error { code, fault }
}

/// Where in `item` the element is that the fund names, and its name when the place does not say it. A name that bills do not
/// have is not repeated.
fn place<'n>(item: &Node, element: &'n str) -> (String, Option<&'n str>) {
    let steps: Vec<_> = element.split(['/', '.']).collect();
    let Some(name) = steps.last().copied().filter(|name| has_element(name)) else {
        return (item.place().to_owned(), None);
    };
    let mut found = Vec::new();
    collect(item, name, &mut found);
    match (item.at(&steps), found.as_slice()) {
        (Some(node), _) => (node.place().to_owned(), None),
        (None, [only]) => ((*only).to_owned(), None),
        (None, _) => (item.place().to_owned(), Some(name)),
    }
}

fn collect<'n>(node: &'n Node, name: &str, found: &mut Vec<&'n str>) {
    for child in node.children() {
        if child.name() == name {
            found.push(child.place());
        }
        collect(child, name, found);
    }
}

/// A code of the fund's: short, without white space, and not a number of a person.
fn is_code(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (1..=32).contains(&text.len()) && text.bytes().all(allowed) && !(digits == 11 && text.len() <= 13)
}

#[cfg(test)]
mod tests {
    use super::*;
    use x_road::soap::{Element, Limits};

    fn node(xml: &str) -> Node {
        let limits = Limits::default();
        Element::parse(xml.as_bytes(), &limits).unwrap().taken_apart(&limits).unwrap()
    }

    fn bill() -> Node {
        node(
            "<item><arveTeenused><item><teenusKood>1</teenusKood></item><item><teenusKood>2</teenusKood></item>\
             </arveTeenused><patsient><isikukood>1</isikukood></patsient></item>",
        )
    }

    fn answer(kind: &str, code: &str, element: &str) -> Node {
        node(&format!(
            "<item><arveHkId>HK1</arveHkId><arveStaatus>00</arveStaatus><vead><item><tyyp>{kind}</tyyp><kood>{code}</kood>\
             <element>{element}</element><teade>Mari Maasikas 49003120231</teade></item></vead></item>"
        ))
    }

    fn refused(code: &str, element: &str) -> Fault {
        match of_item(&bill(), Some(&answer("E", code, element)), "00") {
            Verdict::Refused(mut errors) => errors.remove(0).fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_an_error_is_a_refusal() {
        for kind in ["W", "I"] {
            let verdict = of_item(&bill(), Some(&answer(kind, "R1", "")), "00");
            assert_eq!(verdict, Verdict::Taken("HK1".into()), "{kind}");
        }
        assert!(matches!(of_item(&bill(), Some(&answer("E", "R1", "")), "00"), Verdict::Refused(_)));
    }

    #[test]
    fn a_200_that_does_not_say_so_is_no_success() {
        let answer = answer("I", "R1", "");
        assert_eq!(of_item(&bill(), Some(&answer), "99"), Verdict::Unsaid);
        assert_eq!(of_item(&bill(), None, "00"), Verdict::Unsaid);
        assert_eq!(
            of_item(&bill(), Some(&node("<item><arveStaatus>00</arveStaatus></item>")), "00"),
            Verdict::Unsaid
        );
    }

    #[test]
    fn an_error_is_shown_at_its_element_by_its_code_and_never_by_its_text() {
        let fault = refused("RTA-012", "isikukood");
        assert_eq!(fault.pointer, "/item/patsient[1]/isikukood[1]");
        assert_eq!(fault.detail, "the fund refuses the item with the code `RTA-012`");
        let fault = refused("RTA-012", "teenusKood");
        assert_eq!((fault.pointer.as_str(), fault.detail.ends_with("for `teenusKood`")), ("/item", true));
        for (code, element) in [("49003120231", "Mari"), ("Mari Maasikas", "patsient/Mari"), ("", "")] {
            let fault = refused(code, element);
            assert_eq!(
                (fault.pointer.as_str(), fault.detail.as_str()),
                ("/item", "the fund refuses the item")
            );
        }
    }

    #[test]
    fn what_was_taken_beside_what_was_refused_is_told_too() {
        let (first, second) = (bill(), bill());
        let error = Verdict::Refused(vec![Error { code: Some("R1".into()), fault: refused("R1", "") }]);
        let Outcome::Refused(refusal) =
            of_message([(&first, Verdict::Taken("HK1".into())), (&second, error)].into_iter())
        else {
            panic!("not refused")
        };
        assert_eq!(refusal.code, "R1");
        let rules: Vec<_> = refusal.faults.iter().map(|fault| fault.rule.as_ref()).collect();
        assert_eq!(rules, ["destination-refused", "destination-took"]);
    }
}
