use std::io::Write;
use std::path::PathBuf;

use crate::cli::{Status, output};
use crate::plot::{Format, results};

/// Draw results: timelines, learning curves, comparisons, searches
///
/// Takes timelines of `replay --timeline`, metrics.jsonl of `train`, what `evaluate` and `tune` print with --json, and
/// directories that hold them. Prints the path of each picture.
#[derive(Debug, clap::Args)]
pub(super) struct Plot {
    /// Results, or directories of `train` and `evaluate`; `-` is standard input
    #[arg(value_name = "RESULT", required = true)]
    results: Vec<PathBuf>,
    /// Directory for the pictures
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Form of the pictures
    #[arg(long, value_enum, default_value_t = Form::Svg)]
    format: Form,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    /// Scalable, for documents and browsers
    Svg,
    /// 1200 pixels wide
    Png,
}

impl Plot {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<Status> {
        let format = match self.format {
            Form::Svg => Format::Svg,
            Form::Png => Format::Png,
        };
        let pictures = results::pictures(&self.results)?;
        output::make_dir(&self.output)?;
        let bar = output::progress(pictures.len() as u64, "pictures");
        for picture in pictures {
            let path = self.output.join(format!("{}.{}", picture.name, format.extension()));
            let bytes = picture.scene.render(format)?;
            output::write_file(&path, |file| Ok(file.write_all(&bytes)?))?;
            writeln!(out, "{}", path.display())?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(Status::Done)
    }
}
