//! `simulate`: plays seeds. See the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    handover_simulate::command::run()
}
