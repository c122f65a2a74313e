use std::io::Write;
use std::path::PathBuf;

use crate::cli::judgement::{Asked, conclude};
use crate::cli::{Status, output, shard};

/// Put the parts of a comparison together that `evaluate --shard` made
///
/// The result is what `evaluate` would have printed and written without --shard, byte for byte. Parts may lie in
/// directories of their own or share one.
#[derive(Debug, clap::Args)]
pub(super) struct Merge {
    /// Directories of `evaluate --shard`
    #[arg(value_name = "SHARD", required = true)]
    shards: Vec<PathBuf>,
    /// Directory for report.html, evaluation.json, summary.json, runs.csv, runs.parquet and pictures
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    asked: Asked,
}

impl Merge {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let gates = self.asked.gates()?;
        let (plan, units) = shard::gather(&self.shards)?;
        plan.check(&gates)?;
        if let Some(directory) = &self.output {
            output::make_dir(directory)?;
        }
        conclude(&plan, &units, &self.asked, self.output.as_ref(), out)
    }
}
