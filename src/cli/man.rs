use std::io::Write;

use clap::CommandFactory;

use crate::cli::{Cli, Status};

/// Print the manual page, of hpatune or of one of its commands
#[derive(Debug, clap::Args)]
pub(super) struct Man {
    /// A command, such as `replay`
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl Man {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let mut root = Cli::command();
        root.build();
        let page = match self.command {
            None => root,
            Some(name) => root.find_subcommand(&name).cloned().ok_or_else(|| {
                crate::error::InputError::new(format!("there is no command `{name}`"), "see `hpatune --help`")
            })?,
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text)?;
        out.write_all(&text)?;
        Ok(Status::Done)
    }
}
