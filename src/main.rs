//! Parse, run, exit code; nothing else.

use sparkcheck::cli::{self, Answer, CliError, Surroundings};
use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let terminal_width =
        stdout().is_terminal().then(|| terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into()));
    let surroundings = Surroundings {
        today: jiff::Zoned::now().date().to_string(),
        terminal_width,
        may_colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    };
    match cli::run(std::env::args_os(), &surroundings) {
        Ok(Ok(answer)) => {
            let code = answer.code;
            match print(answer) {
                // A report that nobody got must not look green.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    let error = CliError::Print { why: error.to_string() };
                    let _ = writeln!(stderr(), "{}", cli::complaint(&error, false));
                    ExitCode::from(2)
                }
                // A reader that went away (`| head`) is no failure of the run.
                _ => ExitCode::from(code),
            }
        }
        Ok(Err(error)) => {
            let _ = writeln!(stderr(), "{}", cli::complaint(&error, surroundings.may_colour && stderr().is_terminal()));
            ExitCode::from(2)
        }
        Err(usage) => {
            let _ = usage.print();
            ExitCode::from(if usage.use_stderr() { 2 } else { 0 })
        }
    }
}

fn print(answer: Answer) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(answer.text.as_bytes())?;
    for line in answer.more.into_iter().flatten() {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
