//! What was decided: the patch, what was seen, and what changes.

use std::io::Write;

use serde_json::{Value, json};

use super::Recommend;
use crate::cli::output;
use crate::env::live::Sighting;
use crate::sim::Knobs;
use crate::units;

impl Recommend {
    /// The patch on standard output, what was seen and changes on standard error; or all of it as one document.
    pub(super) fn tell(
        &self,
        out: &mut impl Write,
        sighting: &Sighting<'_>,
        date_ms: Option<i64>,
        (before, after): (Option<Knobs>, Option<Knobs>),
        patch: &Value,
    ) -> anyhow::Result<()> {
        let date = date_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()).map(|date| date.to_string());
        let (function, replicas) = (sighting.workload.function(), sighting.replicas);
        if self.json {
            let seen = json!({
                "at": date,
                "load_pods": sighting.load(),
                "replicas": replicas,
                "utilization": sighting.utilization,
                "violation_rate": sighting.violation_rate,
            });
            let document = json!({
                "function": function,
                "seen": seen,
                "before": before.map(fields),
                "after": after.map(fields),
                "patch": patch,
            });
            serde_json::to_writer_pretty(&mut *out, &document)?;
            return Ok(writeln!(out)?);
        }
        let text = format!("{patch}\n");
        if self.output.as_os_str() == "-" {
            out.write_all(text.as_bytes())?;
        } else {
            output::write_file(&self.output, |file| Ok(file.write_all(text.as_bytes())?))?;
        }
        let at = date.map(|date| format!(" at {date}")).unwrap_or_default();
        let changes = match (before, after) {
            (Some(before), Some(after)) => changes(before, after),
            _ => String::new(),
        };
        let changes = if changes.is_empty() { "nothing changes".to_owned() } else { changes };
        tracing::info!("{function}{at}: a load of {:.2} pods on {replicas}; {changes}", sighting.load());
        Ok(())
    }
}

fn fields(knobs: Knobs) -> Value {
    json!({
        "target_cpu": knobs.target_cpu,
        "min_replicas": knobs.min_replicas,
        "max_replicas": knobs.max_replicas,
        "stabilize_down_s": knobs.stabilize_down.as_secs(),
    })
}

/// What differs, in words.
fn changes(before: Knobs, after: Knobs) -> String {
    let target = |knobs: Knobs| knobs.target_cpu.map_or("none".to_owned(), |percent| format!("{percent} %"));
    [
        ("minReplicas", before.min_replicas.to_string(), after.min_replicas.to_string()),
        ("maxReplicas", before.max_replicas.to_string(), after.max_replicas.to_string()),
        ("CPU target", target(before), target(after)),
        ("scale-down stabilisation", units::friendly(before.stabilize_down), units::friendly(after.stabilize_down)),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(name, before, after)| format!("{name} {before} -> {after}"))
    .collect::<Vec<_>>()
    .join(", ")
}
