//! Sending bills. When an earlier attempt may have arrived, the fund is asked first for each bill by its number; what it
//! does not have is sent again, with all of the message and under the same id.
//!
//! That the fund refuses a second bill of one number is an assumption (`docs/decisions.md`).

use std::collections::BTreeMap;

use clearance::adapter::{Means, Outcome};
use clearance::journey::Cleared;
use x_road::soap::{Element, Node};

use crate::register::{Call, Failure, Filed, Register};
use crate::verdict::{self, Verdict};

/// The service.
pub(crate) const SERVICE: &str = "rta_saatmine";
/// The state of a bill that the fund has.
const SUBMITTED: &str = "00";

/// The fund's numbers of bills that it has, by the clinic's.
type Known = BTreeMap<String, String>;

pub(crate) async fn send(
    register: &Register,
    body: Element,
    message: &Node,
    cleared: &Cleared,
    means: &Means<'_>,
) -> Outcome {
    let bills = || message.at(&["request", "raviarved"]).into_iter().flat_map(|bills| bills.all("item"));
    let known = match known(register, bills(), cleared, means).await {
        Ok(known) => known,
        Err(failure) => return failure.before_the_document(),
    };
    let taken_before = |bill: &Node| known.get(bill.text_of("arveNumber")).cloned().map(Verdict::Taken);
    if bills().all(|bill| taken_before(bill).is_some()) {
        return verdict::of_message(bills().filter_map(|bill| Some((bill, taken_before(bill)?))));
    }
    let answer = match register.ask(Call { service: SERVICE, step: "post", body }, cleared, means).await {
        Ok(answer) => answer,
        Err(failure) => return failure.with_the_document(),
    };
    let answers = answer.at(&["raviarved"]);
    verdict::of_message(bills().map(|bill| {
        let own = answers.into_iter().flat_map(|all| all.all("item")).find(|of| is_of(of, bill));
        // What the fund had before, it may now refuse as a repetition.
        (bill, taken_before(bill).unwrap_or_else(|| verdict::of_item(bill, own, SUBMITTED)))
    }))
}

/// The bills that an earlier attempt has brought.
async fn known(
    register: &Register,
    bills: impl Iterator<Item = &Node>,
    cleared: &Cleared,
    means: &Means<'_>,
) -> Result<Known, Failure> {
    let mut known = Known::new();
    if !cleared.perhaps_delivered() {
        return Ok(known);
    }
    for bill in bills {
        let number = bill.text_of("arveNumber");
        let filed = register.bill(("arveNumber", number), cleared, means).await?;
        if let Some(filed) = filed.filter(|filed| is_same(filed, bill) && filed.is_of(cleared)) {
            known.insert(number.to_owned(), filed.id);
        }
    }
    Ok(known)
}

/// Whether the fund's bill is this one, and not another to which the clinic has given the same number.
fn is_same(filed: &Filed, bill: &Node) -> bool {
    let (begins, ends) = &filed.period;
    !filed.is_cancelled && begins == bill.text_of("algKp") && ends == bill.text_of("loppKp")
}

fn is_of(answer: &Node, bill: &Node) -> bool {
    ["arveJrk", "arveNumber"].iter().all(|name| answer.text_of(name) == bill.text_of(name))
}
