//! What commands print: text for people, or one JSON value for programs. Standard output is theirs alone.

use std::fmt::Display;
use std::io::Write;

use serde::Serialize;

/// Prints what a command answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    json: bool,
}

impl Report {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// A line for people; programs get the answer at the end.
    pub(super) fn line(self, line: impl Display) {
        if !self.json {
            print(line);
        }
    }

    /// The answer for programs; people have read lines.
    pub(super) fn value(self, value: &impl Serialize) {
        if self.json {
            print(serde_json::to_string_pretty(value).unwrap_or_default());
        }
    }

    /// Why the command failed.
    pub(super) fn failed(self, why: &str) {
        #[expect(clippy::print_stderr, reason = "a command says why it failed")]
        if self.json {
            eprintln!("{}", serde_json::json!({ "error": why }));
        } else {
            eprintln!("error: {why}");
        }
    }
}

/// Whoever reads may stop reading (`| head`): then there is nobody left to print for.
fn print(line: impl Display) {
    let _reader_is_gone = writeln!(std::io::stdout().lock(), "{line}");
}
