//! The binary `clearance`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gateway::run()
}
