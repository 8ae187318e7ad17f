//! The command `handover`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    handover_cli::main()
}
