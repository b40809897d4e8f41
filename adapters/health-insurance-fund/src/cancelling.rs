//! Cancelling bills. The message names them by the fund's numbers and nobody by name: the fund is asked first whose they
//! are, at each attempt, which also tells what an earlier one has done.

use clearance::adapter::{DestinationRefusal, Means, Outcome};
use clearance::fault::Fault;
use clearance::journey::Cleared;
use x_road::soap::{Element, Node};

use crate::register::{Call, Register};
use crate::verdict::{self, Verdict};

/// The service.
pub(crate) const SERVICE: &str = "rta_tyhistus";
/// The state of a bill that is cancelled.
const CANCELLED: &str = "99";

pub(crate) async fn cancel(
    register: &Register,
    body: Element,
    message: &Node,
    cleared: &Cleared,
    means: &Means<'_>,
) -> Outcome {
    let items = || message.at(&["request", "raviarveTyhistused"]).into_iter().flat_map(|all| all.all("item"));
    let (mut done, mut unknown) = (Vec::new(), Vec::new());
    for item in items() {
        match register.bill(("arveHkId", item.text_of("arveHkId")), cleared, means).await {
            Err(failure) => return failure.before_the_document(),
            Ok(None) => unknown.push(item),
            Ok(Some(filed)) if !filed.is_of(cleared) => return Outcome::AnotherSubject,
            Ok(Some(filed)) => done.push(filed.is_cancelled.then_some(filed.id)),
        }
    }
    if !unknown.is_empty() {
        let faults = unknown.into_iter().map(not_there).collect();
        return Outcome::Refused(DestinationRefusal { code: "bill-not-at-the-fund".into(), faults });
    }
    if done.iter().all(Option::is_some) {
        return verdict::of_message(items().zip(done.into_iter().flatten().map(Verdict::Taken)));
    }
    let answer = match register.ask(Call { service: SERVICE, step: "post", body }, cleared, means).await {
        Ok(answer) => answer,
        Err(failure) => return failure.with_the_document(),
    };
    let answers = answer.at(&["raviarveTyhistused"]);
    verdict::of_message(items().zip(done).map(|(item, done)| {
        let id = item.text_of("arveHkId");
        let own = answers.into_iter().flat_map(|all| all.all("item")).find(|of| of.text_of("arveHkId") == id);
        // What was cancelled before, the fund may now refuse as a repetition.
        (item, done.map_or_else(|| verdict::of_item(item, own, CANCELLED), Verdict::Taken))
    }))
}

fn not_there(item: &Node) -> Fault {
    let detail = "the fund has no bill of this number";
    let remedy = "send the number that the transfer of the bill was acknowledged with";
    Fault::new("destination-refused", item.place(), detail, remedy)
}
