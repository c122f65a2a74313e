use std::io::Write;
use std::path::PathBuf;

use crate::cli::Status;
use crate::config;

/// Print the default experiment file or its JSON schema, or check a file
#[derive(Debug, clap::Args)]
pub(super) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Print a file with every key, its default and what it means
    Default,
    /// Print the JSON schema of the file, for editors
    Schema,
    /// Check a file; print nothing when it is right
    Check {
        /// Experiment file; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

impl Config {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        match self.action {
            Action::Default => out.write_all(config::default_toml().as_bytes())?,
            Action::Schema => out.write_all(config::schema().as_bytes())?,
            Action::Check { file } => drop(config::Experiment::load(Some(&file))?),
        }
        Ok(Status::Done)
    }
}
