//! The command line: one file a command. A command parses, calls and prints; it decides nothing.
//!
//! Data goes to standard output, everything else to standard error. Exit status: 0 done, 1 failed, 2 wrong input or
//! usage, 3 a `--require` gate not met. A closed pipe is 0.

#[cfg(feature = "ingest")]
mod calibrate;
#[cfg(all(feature = "ingest", feature = "train"))]
mod collect;
mod completions;
mod config;
#[cfg(feature = "ingest")]
mod contents;
#[cfg(all(feature = "ingest", feature = "manifest"))]
mod diff;
#[cfg(feature = "ingest")]
mod dossier;
#[cfg(feature = "ingest")]
mod evaluate;
#[cfg(feature = "ingest")]
mod explain;
#[cfg(all(feature = "ingest", feature = "manifest"))]
mod export;
#[cfg(feature = "ingest")]
mod ingest;
#[cfg(feature = "ingest")]
mod inspect;
#[cfg(feature = "ingest")]
mod judgement;
#[cfg(all(feature = "ingest", feature = "train"))]
mod learned;
#[cfg(feature = "ingest")]
mod level;
mod log;
mod man;
#[cfg(feature = "ingest")]
mod merge;
pub mod output;
#[cfg(all(feature = "ingest", feature = "train"))]
mod pace;
#[cfg(all(feature = "ingest", feature = "plot"))]
mod pictures;
#[cfg(feature = "plot")]
mod plot;
#[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
mod recommend;
#[cfg(feature = "ingest")]
mod replay;
#[cfg(feature = "ingest")]
mod shard;
#[cfg(all(feature = "ingest", feature = "train"))]
mod starts;
#[cfg(feature = "ingest")]
mod synth;
#[cfg(feature = "ingest")]
mod traces;
#[cfg(all(feature = "ingest", feature = "train"))]
mod train;
#[cfg(feature = "ingest")]
mod tune;
#[cfg(feature = "ingest")]
mod world;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::error::InputError;

/// Tune the Kubernetes HorizontalPodAutoscaler from recorded traffic.
#[derive(Debug, Parser)]
#[command(name = "hpatune", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    talk: log::Talk,
    /// Threads that simulate, search and learn; no result depends on them [default: all cores]
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = "Processor"
    )]
    threads: Option<u16>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "ingest")]
    Ingest(ingest::Ingest),
    #[cfg(feature = "ingest")]
    Inspect(inspect::Inspect),
    #[cfg(feature = "ingest")]
    Synth(synth::Synth),
    #[cfg(feature = "ingest")]
    Replay(replay::Replay),
    #[cfg(feature = "ingest")]
    Tune(tune::Tune),
    #[cfg(feature = "ingest")]
    Evaluate(evaluate::Evaluate),
    #[cfg(feature = "ingest")]
    Merge(merge::Merge),
    #[cfg(feature = "ingest")]
    Explain(explain::Explain),
    #[cfg(all(feature = "ingest", feature = "manifest"))]
    Diff(diff::Diff),
    #[cfg(all(feature = "ingest", feature = "train"))]
    Train(train::Train),
    #[cfg(all(feature = "ingest", feature = "train"))]
    Collect(collect::Collect),
    #[cfg(feature = "ingest")]
    Calibrate(calibrate::Calibrate),
    #[cfg(all(feature = "ingest", feature = "manifest"))]
    Export(export::Export),
    #[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
    Recommend(recommend::Recommend),
    #[cfg(feature = "plot")]
    Plot(plot::Plot),
    Config(config::Config),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        match self {
            #[cfg(feature = "ingest")]
            Self::Ingest(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Inspect(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Synth(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Replay(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Tune(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Evaluate(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Merge(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Explain(command) => command.run(out),
            #[cfg(all(feature = "ingest", feature = "manifest"))]
            Self::Diff(command) => command.run(out),
            #[cfg(all(feature = "ingest", feature = "train"))]
            Self::Train(command) => command.run(out),
            #[cfg(all(feature = "ingest", feature = "train"))]
            Self::Collect(command) => command.run(out),
            #[cfg(feature = "ingest")]
            Self::Calibrate(command) => command.run(out),
            #[cfg(all(feature = "ingest", feature = "manifest"))]
            Self::Export(command) => command.run(out),
            #[cfg(all(feature = "ingest", feature = "manifest", feature = "train"))]
            Self::Recommend(command) => command.run(out),
            #[cfg(feature = "plot")]
            Self::Plot(command) => command.run(out),
            Self::Config(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Man(command) => command.run(out),
        }
    }
}

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done: exit status 0.
    Done,
    /// A `--require` gate was not met: exit status 3.
    GateNotMet,
}

/// Runs the program on the process' arguments, and says how to exit.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli.talk.start();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = start_threads(cli.threads).and_then(|()| cli.command.run(&mut out)).and_then(|status| {
        out.flush()?;
        Ok(status)
    });
    match result {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::GateNotMet) => ExitCode::from(3),
        Err(error) => fail(&error),
    }
}

/// Starts the threads of everything that runs in parallel.
fn start_threads(threads: Option<u16>) -> anyhow::Result<()> {
    if let Some(threads) = threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads));
        pool.build_global().context("cannot start threads")?;
    }
    Ok(())
}

fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(broken) if broken.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ if error.use_stderr() => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

/// What reading or writing failed with, also inside of the errors of JSON and CSV.
fn io_kind(cause: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    if let Some(json) = cause.downcast_ref::<serde_json::Error>() {
        return json.io_error_kind();
    }
    if let Some(csv::ErrorKind::Io(io)) = cause.downcast_ref().map(csv::Error::kind) {
        return Some(io.kind());
    }
    let io = cause.downcast_ref::<io::Error>()?;
    io.get_ref().and_then(|inner| io_kind(inner)).or(Some(io.kind()))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(|cause| io_kind(cause) == Some(io::ErrorKind::BrokenPipe)) {
        return ExitCode::SUCCESS;
    }
    let input = error.downcast_ref::<InputError>();
    let mut text = format!("error: {error:#}\n");
    if let Some(input) = input {
        text = format!("{text}  help: {}\n", input.help.replace('\n', "\n        "));
    }
    // Nothing can be told to a user whose standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(if input.is_some() { 2 } else { 1 })
}
