//! How much is said on standard error, and in which form.

use tracing_subscriber::filter::LevelFilter;

/// Flags that every command takes.
#[derive(Debug, clap::Args)]
pub(super) struct Talk {
    /// Say more; twice for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet", help_heading = "Messages")]
    verbose: u8,
    /// Say only what is wrong, and draw no progress
    #[arg(short, long, global = true, help_heading = "Messages")]
    quiet: bool,
    /// Form of the messages on standard error
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t = Format::Text,
        help_heading = "Messages"
    )]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Talk {
    /// Sends messages to standard error from here on.
    pub(super) fn start(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) => LevelFilter::INFO,
            (false, 1) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        };
        super::output::set_quiet(self.quiet);
        let builder =
            tracing_subscriber::fmt().with_max_level(level).with_writer(super::output::Stderr).with_target(false);
        match self.log_format {
            Format::Text => builder.without_time().with_ansi(false).with_level(level > LevelFilter::INFO).init(),
            Format::Json => builder.json().init(),
        }
    }
}
