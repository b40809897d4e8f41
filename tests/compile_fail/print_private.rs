//! Text about a person does not print.
use clearance::person::Private;

fn main() {
    let _ = Private::new("49003120231").to_string();
}
